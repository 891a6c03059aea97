/** Commands on SQLite, durable, against raw one-row transactions of the same engine with the same payload, in turns. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { booking, message, openWritePath, registration } from './house.ts'
import { inTemporaryDirectory, median, perSecond, printRows, whole } from './measure.ts'

const rounds = 7
const benchCount = 2_000

const rows = await inTemporaryDirectory(async (directory) => {
  const { store, handle } = openWritePath(directory)
  const raw = openRaw(join(directory, 'raw.db'))
  for (let n = 0; n < benchCount; n++) await handle(registration(`b${n}`))
  await handle(message('sample'))
  const [sample] = await store.load('default/message/sample')
  const payload = JSON.stringify(sample)

  const results = { raw: [] as number[], one: [] as number[], many: [] as number[], bookings: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    results.raw.push(rawPerSecond(raw, round, payload))
    results.one.push(await perSecond(5_000, 1, (n) => handle(message(`${round}-1-${n}`))))
    results.many.push(await perSecond(30_000, 64, (n) => handle(message(`${round}-64-${n}`))))
    const from = Date.now() + (round + 1) * 20 * 3_600_000
    results.bookings.push(await perSecond(10_000, 64, (n) => handle(booking(`r${round}-${n}`, n, benchCount, from))))
  }
  await store.close()
  // The first round warms the engine up.
  const rates = {
    raw: median(results.raw.slice(1)),
    one: median(results.one.slice(1)),
    many: median(results.many.slice(1)),
    bookings: median(results.bookings.slice(1)),
  }
  const ratio = median(results.one.slice(1).map((one, index) => one / (results.raw[index + 1] ?? Number.NaN)))
  return [
    { what: 'raw one-row SQLite transactions, 1 at a time', target: 'the measure', measured: `${whole(rates.raw)}/s` },
    {
      what: 'durable command, 1 at a time',
      target: '≥ 0.85 of raw',
      measured: `${whole(rates.one)}/s = ${ratio.toFixed(2)} of raw`,
      met: ratio >= 0.85,
    },
    {
      what: 'durable command, 64 at a time',
      target: '≥ 20,000/s',
      measured: `${whole(rates.many)}/s`,
      met: rates.many >= 20_000,
    },
    {
      what: 'booking (two streams), 64 at a time',
      target: '≥ 10,000/s',
      measured: `${whole(rates.bookings)}/s`,
      met: rates.bookings >= 10_000,
    },
  ]
})
printRows(rows)

function openRaw(file: string) {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(
    'CREATE TABLE rows (stream TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (stream, version)) WITHOUT ROWID',
  )
  return database.prepare('INSERT INTO rows VALUES (?, ?, ?)')
}

function rawPerSecond(insert: ReturnType<typeof openRaw>, round: number, payload: string): number {
  const count = 5_000
  const start = performance.now()
  for (let n = 0; n < count; n++) insert.run(`default/message/${round}-${n}`, 1, payload)
  return (count / (performance.now() - start)) * 1_000
}
