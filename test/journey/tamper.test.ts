import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { benchplane, call, inHours, startServer, temporaryDirectory, waitFor } from './server.ts'

/** A history with a bench of many commits (one of which carries a riding state), two reservations, and views that know them. */
const lived = async () => {
  const directory = temporaryDirectory()
  const { url, kill } = await startServer(directory)
  await call(url, 'POST', '/v1/benches', { benchId: 'hil-1', type: 'hil' })
  for (let n = 0; n < 40; n++) await call(url, 'PATCH', '/v1/benches/hil-1', { location: `lab ${n}` })
  const booking = { holder: 'ada', benches: [{ benchId: 'hil-1' }] }
  await call(url, 'POST', '/v1/reservations', {
    reservationId: 'first',
    ...booking,
    start: inHours(1),
    end: inHours(2),
  })
  await call(url, 'POST', '/v1/reservations', {
    reservationId: 'second',
    ...booking,
    start: inHours(3),
    end: inHours(4),
  })
  await call(url, 'PUT', '/v1/messages/m1', { hello: 'world' })
  await call(url, 'POST', '/v1/benches', { benchId: 'alone', type: 'sil' })
  await call(url, 'PATCH', '/v1/benches/alone', { location: 'attic' })
  await waitFor(async () => (await call(url, 'GET', '/v1/benches/alone?minVersion=2')).status === 200)
  await waitFor(async () => (await call(url, 'GET', '/v1/benches/hil-1?minVersion=43')).status === 200)
  await waitFor(async () => (await call(url, 'GET', '/v1/reservations/second?minVersion=1')).status === 200)
  await kill()
  return directory
}

/** Behind the product's back: what guards the table is taken away first. */
const tamper = (directory: string, work: (database: DatabaseSync) => void): void => {
  const database = new DatabaseSync(join(directory, 'history.db'))
  const triggers = database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() as { name: string }[]
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`)
  work(database)
  database.close()
}

const verify = async (directory: string) => {
  const { url } = await startServer(directory)
  return benchplane(['history', 'verify', '--json'], { BENCHPLANE_URL: url })
}

const bench = 'default/bench/hil-1'
const stories: readonly [what: string, work: (database: DatabaseSync) => void, stream: string, version: number][] = [
  [
    'one byte of one event',
    (database) =>
      database
        .prepare("UPDATE commits SET body = replace(body, 'lab 7', 'lab 8') WHERE stream = ? AND version = 9")
        .run(bench),
    'bench/hil-1',
    9,
  ],
  [
    'a commit removed from the middle',
    (database) => database.prepare('DELETE FROM commits WHERE stream = ? AND version = 20').run(bench),
    'bench/hil-1',
    20,
  ],
  [
    'the removed last commit of a stream that siblings and views know',
    (database) => database.prepare("DELETE FROM commits WHERE stream = 'default/reservation/second'").run(),
    'reservation/second',
    1,
  ],
  [
    'the removed last commit of a stream that only views know',
    (database) => database.prepare("DELETE FROM commits WHERE stream = 'default/bench/alone' AND version = 2").run(),
    'bench/alone',
    2,
  ],
  [
    'two commits swapped',
    (database) => {
      const swap = database.prepare('UPDATE commits SET version = ? WHERE stream = ? AND version = ?')
      swap.run(1_000, bench, 10)
      swap.run(10, bench, 11)
      swap.run(11, bench, 1_000)
    },
    'bench/hil-1',
    10,
  ],
  [
    'a riding state that is not the fold',
    (database) =>
      database
        .prepare("UPDATE commits SET state = replace(state, 'hil-1', 'hil-2') WHERE stream = ? AND state IS NOT NULL")
        .run(bench),
    'bench/hil-1',
    32,
  ],
]

describe('a history that was tampered with', () => {
  test.each(stories)('%s: is reported with stream and version, and exit code 7', async (_, work, stream, version) => {
    const directory = await lived()
    tamper(directory, work)
    const { code, stdout } = await verify(directory)
    expect(code).toBe(7)
    const report = JSON.parse(stdout) as {
      ok: boolean
      failures: { stream: string; version: number; problem: string }[]
    }
    expect(report.ok).toBe(false)
    expect(report.failures).toContainEqual(expect.objectContaining({ stream, version }))
  })

  test('one that was not is found whole', async () => {
    const { code, stdout } = await verify(await lived())
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { ok: true, failures: [], commitCount: 48 }])
  })
})
