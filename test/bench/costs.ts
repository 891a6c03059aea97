/** Measures what everything costs on DynamoDB, and writes the tables of docs/costs.md and docs/access-patterns.md anew. */
import { writeFileSync } from 'node:fs'
import { connect } from '../../adapters/dynamodb/client.ts'
import { createTables } from '../../adapters/dynamodb/tables.ts'
import { anybody, start } from '../adapters/dynamodbLocal.ts'
import { documents, textOf, withTables } from '../costs/documents.ts'
import { measureCosts } from '../costs/measure.ts'
import { tablesOf } from '../costs/tables.ts'

const engine = await start()
const clients: { destroy(): void }[] = []
let made = 0
const client = () => {
  const connected = connect({ endpoint: engine.endpoint, ...anybody })
  clients.push(connected)
  return connected
}
const tables = async (): Promise<string> => {
  const prefix = `costs-${++made}-`
  await createTables(client(), prefix)
  return prefix
}
try {
  const measured = tablesOf(await measureCosts({ client, tables }))
  for (const document of documents) writeFileSync(document.url, withTables(textOf(document), measured))
  for (const [name, table] of Object.entries(measured)) console.log(`${name}\n\n${table}\n`)
} finally {
  for (const each of clients) each.destroy()
  await engine.stop()
}
