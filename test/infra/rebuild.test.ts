import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/sqlite/history.ts'
import { openViews } from '../../adapters/sqlite/views.ts'
import { rebuildViews } from '../../infra/views/rebuild.ts'
import type { LocalViews } from '../../infra/views/viewGenerations.ts'
import { putAsideForTest } from './deadLetter.ts'
import { foldedRows, openHouses, openLines, openTime, shownRows, until, type Voiced } from './house.ts'

const { open, fresh } = openHouses()

/** Every place in every index, straight from the file. */
const placesIn = (directory: string, generation: number): unknown[] => {
  const database = new DatabaseSync(join(directory, `views-${generation}.db`), { readOnly: true })
  const places = database.prepare('SELECT partition, sort, id FROM index_entries ORDER BY partition, sort, id').all()
  database.close()
  return places
}

/** Everything that rows are: bodies, versions, dues. */
const everythingIn = async (views: LocalViews): Promise<unknown[]> => {
  const rows: unknown[] = []
  for await (const page of views.scan()) rows.push(...page)
  return rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

const live = async ({ bench, book, done, house, status }: Voiced) => {
  for (const n of [1, 2, 3]) await bench(`b${n}`, { capabilities: ['can-fd', `ecu=${n}`] })
  await done('worker', 'w1', 'EnrolWorker')
  await done('worker', 'w1', 'OpenSession', { benches: ['b1'], agentVersion: '1' })
  for (const n of [1, 2, 3, 4, 5, 6]) await book(`r${n}`, `b${1 + (n % 3)}`, { queue: true })
  await until(async () => (await status('r1')) === 'active')
  await done('execution', 'e1', 'SubmitExecution', { reservationId: 'r1', tasks: [{ name: 't', run: {} }] })
  const tasks = [
    { name: 't', run: {} },
    { name: 'u', run: {}, needs: ['t'] },
    { name: 'z', run: {} },
  ]
  await done('execution', 'e2', 'SubmitExecution', { reservationId: 'r3', tasks })
  await until(async () => (await status('r3')) === 'active')
  const session = { workerId: 'w1', epoch: 1 }
  await done('execution', 'e2', 'ClaimTask', { taskName: 't', benchId: 'b1', ...session })
  await done('execution', 'e2', 'CompleteAttempt', { taskName: 't', attempt: 1, ...session, result: { ok: 1 } })
  await done('reservation', 'r1', 'TransferReservation', { holder: 'bob' })
  await house.settled()
}

describe.each(['memory', 'sqlite'] as const)('a rebuild on %s', (store) => {
  test('gives the very rows that serve, and lets them take over while commands go on', async () => {
    const all = await open({ store, now: openTime().now })
    await live(all)
    const { house, book, services } = all
    const before = await shownRows(all)
    const progress: number[] = []
    const rebuilt = house.rebuild(({ commitCount }) => progress.push(commitCount))
    expect((await house.viewsStatus()).rebuilding).toBe(true)
    expect(house.rebuild()).toBe(rebuilt)
    const during = book('during', 'b2', { start: '2026-03-05T08:00:00Z' })
    const { commitCount, failures } = await rebuilt
    expect([failures, progress.at(-1)]).toEqual([[], commitCount])
    await during
    expect((await all.row('reservations', 'during', 1))?.version).toBe(1)
    const after = await shownRows(all)
    expect([...after.keys()]).toEqual(expect.arrayContaining([...before.keys(), 'reservations/during']))
    expect(after).toEqual(await foldedRows(services.history))
    expect(await house.viewsStatus()).toMatchObject({
      generation: 2,
      rebuilding: false,
      rebuild: { isRunning: false, commitCount },
    })
  })

  test('who waits for a row while others take over is answered', async () => {
    const all = await open({ store })
    await live(all)
    const waiting = all.row('reservations', 'late', 1)
    const rebuilt = all.house.rebuild()
    await all.book('late', 'b3', { start: new Date(Date.now() + 86_400_000).toISOString() })
    expect((await waiting)?.version).toBe(1)
    await rebuilt
  })
})

/** A directory in which a house has lived, and was closed. */
const livedIn = async (): Promise<string> => {
  const directory = fresh()
  const first = await open({ store: 'sqlite', directory, now: openTime().now })
  await live(first)
  await first.house.close()
  return directory
}

describe('a rebuild on disk', () => {
  test('equals the live rows to the last byte, carries the policies’ place over, and removes the rows before', async () => {
    const directory = await livedIn()
    const before = openViews({ directory, generation: 1 })
    await putAsideForTest(before)
    const [rows, reacted] = [await everythingIn(before), await before.checkpoint('react')]
    expect(reacted).toBeDefined()
    await before.close()
    const places = placesIn(directory, 1)

    await rebuildViews(directory)
    expect(places.length).toBeGreaterThan(50)
    expect(placesIn(directory, 2)).toEqual(places)
    expect(readdirSync(directory).filter((name) => /^views-\d+\.db$/.test(name))).toEqual(['views-2.db'])
    const after = openViews({ directory, generation: 2 })
    expect(await everythingIn(after)).toEqual(rows)
    for (const fact of ['project', 'react', 'shape', 'origin'])
      expect([fact, await after.checkpoint(fact)]).not.toEqual([fact, undefined])
    expect(await after.checkpoint('react')).toBe(reacted)
    await after.close()

    const second = await open({ store: 'sqlite', directory, now: openTime().now })
    expect((await second.house.viewsStatus()).generation).toBe(2)
    expect(second.house.counters().find(({ name }) => name === 'benchplane_dead_letters')?.value).toBe(1)
  })

  test('beside a server carries over what is not in history too', async () => {
    const directory = await livedIn()
    const before = openViews({ directory, generation: 1 })
    await putAsideForTest(before)
    const reacted = await before.checkpoint('react')
    await before.close()
    const second = await open({ store: 'sqlite', directory, now: openTime().now })
    await second.house.settled()
    await second.house.rebuild()
    await second.house.close()
    const after = openViews({ directory, generation: 2 })
    expect(await after.checkpoint('react')).toBe(reacted)
    expect(await after.rowCount('deadLetters')).toBe(1)
    expect(await after.checkpoint('shape')).toBeDefined()
    await after.close()
  })

  test('is refused while a server has the directory', async () => {
    const directory = fresh()
    await open({ store: 'sqlite', directory })
    await expect(rebuildViews(directory)).rejects.toMatchObject({ code: 'storage-unusable' })
  })

  test('that was not finished leaves what served before', async () => {
    const directory = await livedIn()
    const unfinished = openViews({ directory, generation: 2 })
    await unfinished.saveCheckpoint('project', '3')
    await unfinished.close()
    const second = await open({ store: 'sqlite', directory, now: openTime().now })
    expect((await second.house.viewsStatus()).generation).toBe(1)
    expect(readdirSync(directory).filter((name) => name.startsWith('views-2'))).toEqual([])
  })

  test('that fails is told, and the rows before serve on', async () => {
    const { lines, log } = openLines()
    const all = await open({ store: 'sqlite', log })
    await all.bench('b1')
    await all.house.settled()
    const rebuilding = all.house.rebuild()
    await all.house.close()
    await expect(rebuilding).rejects.toThrow('the house is closing')
    expect(lines.find(({ level }) => level === 'error')).toMatchObject({ message: 'the views could not be rebuilt' })
  })

  test.each([
    ['of another version of the views', async (views: LocalViews) => views.saveCheckpoint('shape', '0')],
    ['of another history', async (views: LocalViews) => views.saveCheckpoint('origin', 'someone else’s')],
  ])('rows %s are thrown away and built anew', async (_, spoil) => {
    const directory = await livedIn()
    const views = openViews({ directory, generation: 1 })
    await spoil(views)
    await views.close()
    const { lines, log } = openLines()
    const second = await open({ store: 'sqlite', directory, now: openTime().now, log })
    expect(await second.house.settled()).toBe(true)
    expect(lines.find(({ level }) => level === 'warn')?.message).toContain('these views are thrown away')
    expect((await second.house.viewsStatus()).generation).toBe(2)
    expect(await shownRows(second)).toEqual(await foldedRows(second.services.history))
  })

  test('rows that were deleted, or are no database, are built anew', async () => {
    const directory = await livedIn()
    spoilFile(directory)
    const { lines, log } = openLines()
    const second = await open({ store: 'sqlite', directory, now: openTime().now, log })
    await second.house.settled()
    expect(lines.find(({ level }) => level === 'error')?.message).toContain('cannot be opened')
    expect(await shownRows(second)).toEqual(await foldedRows(second.services.history))
  })

  test('a history that has lost its end is reported, and what comes then is seen', async () => {
    const directory = await livedIn()
    const views = openViews({ directory, generation: 1 })
    await views.saveCheckpoint('project', '1000')
    await views.saveCheckpoint('react', '1000')
    await views.close()
    const { lines, log } = openLines()
    const second = await open({ store: 'sqlite', directory, now: openTime().now, log })
    expect(lines.find(({ level }) => level === 'error')?.message).toContain(
      'history ends before what the views have seen',
    )
    await second.bench('b9')
    expect((await second.row('benches', 'b9', 1))?.version).toBe(1)
  })

  test('a large history without rows is built by a rebuild, and the house is not ready before', async () => {
    const directory = fresh()
    const history = openHistory({ directory })
    const actor = { kind: 'user' as const, id: 'ada' }
    const ids = {
      actor,
      commandId: 'c',
      commandHash: 'h',
      correlationId: 'x',
      previousHash: null,
      at: '2026-03-02T08:00:00.000Z',
    }
    const data = { content: {}, sha256: '0'.repeat(64) }
    const events = [{ type: 'MessageAccepted', schemaVersion: 1, data }]
    for (let n = 0; n < 210; n++)
      await Promise.all(
        Array.from({ length: 100 }, (_, m) =>
          history.append([{ stream: `default/message/${n}-${m}`, version: 1, events, ...ids }]),
        ),
      )
    await history.close()
    const { house, services } = await open({ store: 'sqlite', directory })
    await until(() => services.unready() === undefined)
    await until(async () => !(await house.viewsStatus()).rebuilding)
    expect((await house.viewsStatus()).generation).toBe(2)
  })
})

/** Overwritten by somebody who took it for something else. */
const spoilFile = (directory: string): void => {
  rmSync(`${directory}/views-1.db-wal`, { force: true })
  writeFileSync(`${directory}/views-1.db`, 'not a database, whatever its name says'.repeat(100))
}
