import { describe, expect, test } from 'vitest'
import { sha256 } from '../../adapters/chain.ts'
import { type HistoryOptions, openHistory } from '../../adapters/memory/history.ts'
import { type AuditOptions, auditHistory, type Fold } from '../../domain/audit.ts'
import type { Commit } from '../../domain/event.ts'
import { after, appended, grow } from '../contract/medium.ts'

const bench = 'acme/bench/rig-1'
const reservation = 'acme/reservation/01KAGZ3QX0'

type Rows = NonNullable<HistoryOptions['rows']>
type Row = Rows[number]

/** Folds a stream to how many commits and events it has. */
const counting = (reducerVersion = 1): Fold => ({
  reducerVersion,
  initial: { commits: 0, events: 0 },
  apply: (envelope, commit) => {
    const { commits, events } = envelope as { commits: number; events: number }
    return { commits: commits + 1, events: events + commit.events.length }
  },
  riding: (envelope) => ({ ...(envelope as object), none: undefined }),
})
const foldOf = () => counting()
const ride = (state: unknown, reducerVersion = 1) => ({ reducerVersion, state })

/** Five commits of a bench, the second and the fourth with a ride; and a reservation, appended with the fifth. */
const history = async (): Promise<Rows> => {
  const rows: Rows = []
  const store = openHistory({ rows })
  const rides = { 1: ride({ events: 3, commits: 2 }), 3: ride({ commits: 4, events: 5 }) }
  const commits = await grow(store, bench, [1, 2, 1, 1], rides)
  appended(await store.append([after(bench, commits[3]), after(reservation)]))
  return rows
}

const audit = async (rows: Rows, options: Partial<AuditOptions> = {}) =>
  auditHistory(openHistory({ rows }), { foldOf, ...options })

/** The history with one row changed, or without it. */
const altered = (rows: Rows, version: number, change: (row: Row) => Partial<Row> | undefined, stream = bench): Rows =>
  rows.flatMap((row) => {
    if (row.stream !== stream || row.version !== version) return [row]
    const changed = change(row)
    return changed === undefined ? [] : [{ ...row, ...changed }]
  })

const edited = (row: Row, edit: (body: string) => string): Partial<Row> => ({ body: edit(row.body) })
const forged = (row: Row, edit: (body: string) => string): Partial<Row> => {
  const body = edit(row.body)
  return { body, hash: sha256(body) }
}
const byEve = (body: string) => body.replace('"local"', '"eve"')

const problem = (version: number, text: string, stream = 'bench/rig-1') => ({
  stream,
  version,
  problem: expect.stringContaining(text),
})

describe('an audit', () => {
  test('finds nothing wrong with a history nobody has touched', async () => {
    expect(await audit(await history())).toEqual({
      ok: true,
      streamCount: 2,
      commitCount: 6,
      failureCount: 0,
      failures: [],
    })
  })

  test('of nothing is content', async () => {
    expect(await audit([])).toMatchObject({ ok: true, streamCount: 0, commitCount: 0 })
  })

  test.each<[string, number, (row: Row) => Partial<Row> | undefined, ReturnType<typeof problem>[]]>([
    ['a commit that was edited', 4, (row) => edited(row, byEve), [problem(4, 'hash mismatch')]],
    ['a hash that was edited', 4, () => ({ hash: 'f'.repeat(64) }), [problem(4, 'hash mismatch')]],
    ['a commit that was edited and hashed again', 4, (row) => forged(row, byEve), [problem(5, 'broken chain')]],
    [
      'a first commit with something before it',
      1,
      (row) => forged(row, (body) => body.replace('"previousHash":null', '"previousHash":""')),
      [problem(1, 'broken chain'), problem(2, 'broken chain')],
    ],
    ['a commit that was removed', 4, () => undefined, [problem(4, 'hole: version 4 is missing, found 5')]],
    ['a first commit that was removed', 1, () => undefined, [problem(1, 'hole: version 1 is missing, found 2')]],
    [
      'a commit with an event less than it had',
      2,
      (row) => forged(row, (body) => body.replace(/,\{"data":\{"index":1,"step":1\}[^}]*\}/, '')),
      [problem(3, 'hole: version 3 is missing, found 4'), problem(2, 'wrong state')],
    ],
    [
      'a commit with an event more than it had',
      1,
      (row) => forged(row, (body) => body.replace('"events":[', '"events":[{"data":1,"schemaVersion":1,"type":"X"},')),
      [problem(2, 'overlap')],
    ],
    [
      'bytes that are no commit',
      4,
      (row) => edited(row, () => '{}'),
      [problem(4, 'hash mismatch'), problem(4, 'unreadable')],
    ],
    [
      'bytes that are no commit, hashed again',
      4,
      (row) => forged(row, () => 'x'),
      [problem(4, 'unreadable'), problem(5, 'broken chain')],
    ],
    [
      'a commit of another stream',
      5,
      (row) => forged(row, (body) => body.replace('rig-1', 'rig-2')),
      [problem(5, 'wrong place: the commit itself says bench/rig-2@5'), problem(6, 'broken chain')],
    ],
    [
      'a commit of another tenant',
      5,
      (row) => forged(row, (body) => body.replace('acme', 'umbrella')),
      [problem(5, 'wrong place'), problem(6, 'broken chain')],
    ],
    ['a riding state that was edited', 5, () => ({ state: '{"commits":4,"events":6}' }), [problem(5, 'wrong state')]],
    ['a riding state that is not JSON', 5, () => ({ state: 'x' }), [problem(5, 'wrong state')]],
    [
      'a riding state with a member more',
      2,
      () => ({ state: '{"commits":2,"events":3,"a":null}' }),
      [problem(2, 'wrong state')],
    ],
    ['a riding state of another shape', 2, () => ({ state: '[2,3]' }), [problem(2, 'wrong state')]],
  ])('finds %s', async (_, version, change, failures) => {
    const found = await audit(altered(await history(), version, change))
    expect(found.failures).toHaveLength(failures.length)
    expect(found.failures).toEqual(expect.arrayContaining(failures))
    expect(found).toMatchObject({ ok: false, failureCount: failures.length })
  })

  test('leaves states alone that another reducer has folded', async () => {
    const rows = altered(await history(), 2, () => ({ state: '"other"', reducerVersion: 2 }))
    expect(await audit(rows)).toMatchObject({ ok: true })
    expect(await audit(rows, { foldOf: () => counting(2) })).toMatchObject({ failures: [problem(2, 'wrong state')] })
  })

  test('reports what cannot be folded, and goes on', async () => {
    const apply = (_: unknown, commit: Commit) => {
      if (commit.version === 2) throw new Error('no such event')
    }
    const found = await audit(await history(), { foldOf: () => ({ ...counting(), apply }) })
    expect(found).toMatchObject({ commitCount: 6, failures: [problem(2, 'cannot be folded: no such event')] })
    const unknown = () => {
      throw new Error('no such kind')
    }
    const nothing = await audit(await history(), { foldOf: unknown })
    expect(nothing.failures).toEqual([
      problem(1, 'cannot be folded: no such kind'),
      problem(1, 'no such kind', 'reservation/01KAGZ3QX0'),
    ])
  })

  test('of one stream meets that stream only', async () => {
    const rows = altered(await history(), 2, (row) => edited(row, byEve))
    expect(await audit(rows, { stream: reservation })).toMatchObject({ ok: true, streamCount: 1, commitCount: 1 })
    expect(await audit(rows, { stream: bench })).toMatchObject({ ok: false, streamCount: 1, commitCount: 5 })
  })
})

describe('what was appended together', () => {
  test('is missed when one of it is removed', async () => {
    const rows = altered(await history(), 1, () => undefined, reservation)
    expect(await audit(rows)).toMatchObject({ failures: [problem(6, 'missing sibling: reservation/01KAGZ3QX0@1')] })
  })

  test('is missed when it is the end of its stream', async () => {
    const rows = altered(await history(), 6, () => undefined)
    const failures = [problem(1, 'missing sibling: bench/rig-1@6', 'reservation/01KAGZ3QX0')]
    expect(await audit(rows)).toMatchObject({ failures })
    expect(await audit(rows, { stream: reservation })).toMatchObject({ failures })
  })

  test('is found out when it does not know of the other', async () => {
    const forget = (row: Row) => forged(row, (body) => body.replace('["bench/rig-1@6"]', '[]'))
    const rows = altered(await history(), 1, forget, reservation)
    expect(await audit(rows)).toMatchObject({ failures: [problem(6, 'unrequited sibling: reservation/01KAGZ3QX0@1')] })
  })

  test('is found whole among a hundred, in one scan without looking anything up', async () => {
    const store = openHistory()
    for (let round = 0; round < 3; round++)
      await store.append(Array.from({ length: 100 }, (_, n) => after(`acme/bench/rig-${round}-${n}`)))
    const load = () => Promise.reject(new Error('looked up'))
    expect(await auditHistory({ ...store, load }, { foldOf })).toMatchObject({ ok: true, commitCount: 300 })
  })

  test('is looked up when more of it waits than is held', async () => {
    const rows: Rows = []
    const store = openHistory({ rows })
    for (let round = 0; round < 12; round++)
      await store.append(Array.from({ length: 20 }, (_, n) => after(`acme/bench/rig-${n}-${round}`)))
    expect(await auditHistory(store, { foldOf, claimsHeldMax: 10 })).toMatchObject({ ok: true })
    const found = await auditHistory(openHistory({ rows: rows.slice(1) }), { foldOf, claimsHeldMax: 10 })
    expect(found).toMatchObject({ failureCount: 19 })
  })
})

describe('what the views have seen', () => {
  const heads = [[{ stream: bench, version: 6 }], [{ stream: reservation, version: 1 }]]

  test('is still there', async () => {
    expect(await audit(await history(), { heads })).toMatchObject({ ok: true })
    expect(await audit(await history(), { heads: [[{ stream: bench, version: 3 }]] })).toMatchObject({ ok: true })
  })

  test('is missed when the end of a stream is gone, or a stream', async () => {
    const rows = (await history()).filter(({ version }) => version < 6)
    expect((await audit(rows, { heads })).failures).toContainEqual(problem(6, 'removed: version 6'))
    const gone = [[{ stream: 'acme/worker/w-1', version: 9 }]]
    expect((await audit(rows, { heads: gone })).failures).toContainEqual(problem(9, 'removed', 'worker/w-1'))
  })
})

describe('many failures', () => {
  test('are all counted, and the first thousand told', async () => {
    const store = openHistory()
    await Promise.all(
      Array.from({ length: 1_100 }, (_, n) => store.append([after(`acme/bench/rig-${n}`, undefined, { version: 2 })])),
    )
    const { failures, ...found } = await auditHistory(store, { foldOf })
    expect(found).toMatchObject({ ok: false, failureCount: 1_100, commitCount: 1_100 })
    expect(failures).toHaveLength(1_000)
  })

  test('of the store itself are no findings: they are thrown', async () => {
    const store = openHistory({ rows: await history() })
    const load = () => Promise.reject(new Error('the disk is gone'))
    const rows = altered(await history(), 1, () => undefined, reservation)
    await expect(auditHistory({ ...openHistory({ rows }), load }, { foldOf })).rejects.toThrow('the disk is gone')
    expect(await auditHistory(store, { foldOf })).toMatchObject({ ok: true })
  })
})
