/** Ours beside the event stores for DynamoDB that Node has: one engine, the same commands, in turns. */
import { connect } from '../../adapters/dynamodb/client.ts'
import { anybody, start } from '../adapters/dynamodbLocal.ts'
import { castore } from './dynamodb/castore.ts'
import { commandOf, payloadOf } from './dynamodb/commands.ts'
import { equinox, equinoxSmall } from './dynamodb/equinox.ts'
import { eventStoreAdapter } from './dynamodb/eventStoreAdapter.ts'
import { ourPort, ours } from './dynamodb/ours.ts'
import type { Peer } from './dynamodb/peer.ts'
import { raw } from './dynamodb/raw.ts'
import { claimsOf, tableOf } from './dynamodb/report.ts'
import { measure } from './dynamodb/rounds.ts'
import { scenarios } from './dynamodb/scenarios.ts'
import { printRows, type Row } from './measure.ts'

const others: readonly Peer[] = [castore, equinoxSmall, equinox, eventStoreAdapter]
const peers: readonly Peer[] = [raw, ours, ourPort, ...others]

const engine = await start()
const rows: Row[] = []
try {
  const client = connect({ endpoint: engine.endpoint, ...anybody })
  for (const peer of peers) await peer.createTables(client)
  client.destroy()
  console.log(`payload of a command: ${payloadOf(commandOf('hot-0', 'DescribeBench')).length} bytes of JSON`)
  for (const scenario of scenarios) {
    const able = peers.filter(({ cannot = [] }) => !cannot.includes(scenario.key))
    const measured = await measure(scenario, able, engine.endpoint)
    console.log(tableOf(scenario, measured))
    const own = measured.find(({ peer }) => peer === ours.name) ?? measured.find(({ peer }) => peer === ourPort.name)
    const rivals = measured.filter(({ peer }) => others.some(({ name }) => name === peer))
    if (own !== undefined) rows.push(...claimsOf(scenario, measured, own, rivals))
  }
} finally {
  await engine.stop()
}
printRows(rows)
process.exit(0)
