/**
 * `npm run bench`: every part in turn, each in its own process; one table. A part that is named runs alone: `dynamodb` and
 * `streams` only then, since they need Java.
 */
import Table from 'cli-table3'
import { runPart } from './measure.ts'

const parts = ['writes', 'folds', 'http', 'latencies', 'workers', 'million', 'weight']
const only = process.argv.slice(2)

const table = new Table({ head: ['measured', 'target', 'result', ''], style: { head: [], border: [] } })
for (const part of only.length > 0 ? only : parts) {
  process.stderr.write(`${part} …\n`)
  const { rows, said } = await runPart(new URL(`${part}.ts`, import.meta.url).pathname)
  if (said !== '') console.log(said)
  for (const { what, target, measured, met } of rows)
    table.push([what, target, measured, met === undefined ? '' : met ? 'met' : 'missed'])
}
console.log(table.toString())
