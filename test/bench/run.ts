/** `npm run bench`: every part in turn, each in its own process; one table. Exits 1 when a target is missed and no ADR says why. */
import Table from 'cli-table3'
import { type Row, runPart } from './measure.ts'

const parts = ['writes', 'folds', 'http', 'latencies', 'workers', 'million', 'weight']
const only = process.argv.slice(2)

const table = new Table({ head: ['measured', 'target', 'result', ''], style: { head: [], border: [] } })
for (const part of only.length > 0 ? only : parts) {
  process.stderr.write(`${part} …\n`)
  const rows: readonly Row[] = await runPart(new URL(`${part}.ts`, import.meta.url).pathname)
  for (const { what, target, measured, met } of rows)
    table.push([what, target, measured, met === undefined ? '' : met ? 'met' : 'missed'])
}
console.log(table.toString())
