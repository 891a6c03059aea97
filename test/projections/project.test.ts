import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import { openViews } from '../../adapters/memory/views.ts'
import type { Commit, RecordedEvent } from '../../domain/event.ts'
import type { EventStore, RowChange } from '../../domain/ports.ts'
import { openFolds } from '../../projections/folds.ts'
import { project } from '../../projections/project.ts'
import type { View } from '../../projections/view.ts'

/** A view that shows what it was given: the events of a bench, in order. */
const diary: View<string[]> = {
  name: 'diary',
  kind: 'bench',
  project: (body, { type, version }) => [...(body ?? []), `${version} ${type}`],
  entries: (_, body) => [{ index: 'length_idx', partition: String(body.length), sort: '' }],
  nextDue: (body) => (body.length === 1 ? '2026-01-01T00:00:00.000Z' : undefined),
}
const counts: View<number> = {
  name: 'counts',
  kind: 'bench',
  project: (body = 0) => body + 1,
  entries: () => [],
  nextDue: () => undefined,
}
const viewsOf = (kind: string) => (kind === 'bench' ? [diary as View<unknown>, counts as View<unknown>] : [])

const types = ['BenchRegistered', 'BenchOnline', 'BenchOffline', 'BenchVacated']

/** A history of benches: for each, the number of events in each of its commits. */
const historyOf = async (plan: readonly (readonly number[])[]) => {
  const history = openHistory()
  for (const [bench, sizes] of plan.entries()) {
    let version = 1
    let previousHash: string | null = null
    for (const size of sizes) {
      const events = Array.from({ length: size }, (_, n) => ({
        type: types[(version + n) % 4] ?? '',
        schemaVersion: 1,
        data: {},
      }))
      const at = '2026-01-01T00:00:00.000Z'
      const ids = { commandId: 'c', commandHash: 'h', correlationId: 'x', actor: { kind: 'user' as const, id: 'ada' } }
      const result = await history.append([
        { stream: `default/bench/b${bench}`, version, events, at, previousHash, ...ids },
      ])
      if (result.kind !== 'appended') throw new Error('conflict')
      previousHash = result.commits[0]?.hash ?? null
      version += size
    }
  }
  const { commits } = await history.feed(undefined, 1_000)
  return { history, commits: commits.map(({ commit }) => commit) }
}

const portsFor = (history: Pick<EventStore, 'load'>, views = openViews()) => ({
  views,
  viewsOf,
  folds: openFolds<unknown>(),
  load: (...asked: Parameters<EventStore['load']>) => history.load(...asked),
})

const shown = async (views: ReturnType<typeof openViews>) => {
  const rows: Record<string, unknown> = {}
  for await (const page of views.scan()) for (const { view, row } of page) rows[`${view}/${row.id}`] = row
  return rows
}

const folded = (plan: readonly (readonly number[])[]) => {
  const rows: Record<string, unknown> = {}
  for (const [bench, sizes] of plan.entries()) {
    const version = sizes.reduce((sum, size) => sum + size, 0)
    if (version === 0) continue
    const id = `b${bench}`
    const body = Array.from({ length: version }, (_, n) => `${n + 1} ${types[(n + 1) % 4]}`)
    const nextDue = diary.nextDue(body)
    rows[`diary/${id}`] = { id, version, body, ...(nextDue === undefined ? {} : { nextDue }) }
    rows[`counts/${id}`] = { id, version, body: version }
  }
  return rows
}

const anyPlan = fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 3,
})

describe('the projector', () => {
  test('comes to what history folds to, however the feed is duplicated, disordered, gapped and divided', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlan, fc.infiniteStream(fc.nat()), fc.nat(6), async (plan, dice, size) => {
        const { history, commits } = await historyOf(plan)
        const ports = portsFor(history)
        const roll = (below: number) => dice.next().value % below
        // Whatever is delivered in between, each stream's last commit comes at last.
        const delivered = Array.from({ length: roll(12) }, () => commits[roll(commits.length)]).concat(
          lastOfEach(commits),
        )
        for (let at = 0; at < delivered.length; at += size + 1)
          await project(
            ports,
            delivered.slice(at, at + size + 1).filter((one) => one !== undefined),
          )
        expect(await shown(ports.views)).toEqual(folded(plan))
      }),
      { numRuns: 200 },
    )
  })

  test('two projectors that meet on the same rows come to the same', async () => {
    await fc.assert(
      fc.asyncProperty(anyPlan, fc.nat(4), async (plan, size) => {
        const { history, commits } = await historyOf(plan)
        const ports = portsFor(history)
        const inParts = async (all: readonly Commit[], of: number) => {
          for (let at = 0; at < all.length; at += of) await project(ports, all.slice(at, at + of))
        }
        await Promise.all([inParts(commits, 1), inParts(commits.toReversed(), size + 1), inParts(commits, size + 2)])
        expect(await shown(ports.views)).toEqual(folded(plan))
      }),
      { numRuns: 100 },
    )
  })

  test('writes a row once for all commits of its stream in a batch', async () => {
    const { history, commits } = await historyOf([[1, 2, 1]])
    const ports = portsFor(history)
    const { changes, eventCount } = await project(ports, commits, { consumer: 'project', cursor: '3' })
    expect(changes.map(({ view, previousVersion, row }) => [view, previousVersion, row.version])).toEqual([
      ['diary', 0, 4],
      ['counts', 0, 4],
    ])
    expect(eventCount).toBe(8)
    expect(await ports.views.checkpoint('project')).toBe('3')
  })

  test('what is known already changes nothing, but the checkpoint goes on', async () => {
    const { history, commits } = await historyOf([[1, 1]])
    const ports = portsFor(history)
    await project(ports, commits)
    expect(await project(ports, commits, { consumer: 'project', cursor: '2' })).toEqual({
      changes: [],
      eventCount: 0,
      rowCount: 0,
      failures: [],
    })
    expect(await ports.views.checkpoint('project')).toBe('2')
  })

  test('takes the unknown half of a commit that is half known', async () => {
    const { history, commits } = await historyOf([[3]])
    const ports = portsFor(history)
    const [whole] = commits as [Commit]
    await project(ports, [{ ...whole, events: whole.events.slice(0, 1) }])
    await project(ports, commits)
    expect(await shown(ports.views)).toEqual(folded([[3]]))
  })

  test('streams without a view are passed over', async () => {
    const { history, commits } = await historyOf([[1]])
    const message = commits.map((commit) => ({ ...commit, stream: 'default/message/m1' }))
    expect(await project(portsFor(history), message)).toEqual({ changes: [], eventCount: 0, rowCount: 0, failures: [] })
  })

  test('a stream that cannot be folded keeps its row, and does not hinder the others', async () => {
    const { history, commits } = await historyOf([[1, 1], [1]])
    const ports = portsFor(history)
    await project(ports, commits.slice(0, 1))
    const forged = commits.map((commit) =>
      commit.stream.endsWith('b0') && commit.version === 2
        ? { ...commit, events: [{ type: 'BenchExploded', schemaVersion: 1, data: {} }] }
        : commit,
    )
    const { failures } = await project(ports, forged)
    expect(failures).toEqual([
      {
        stream: 'default/bench/b0',
        error: expect.objectContaining({ message: 'unknown event BenchExploded of a bench' }),
      },
    ])
    expect(await shown(ports.views)).toEqual(folded([[1], [1]]))
  })

  test('a hole in history is told as the stream’s failure', async () => {
    const { history, commits } = await historyOf([[1, 1, 1], [1]])
    const ports = portsFor({
      load: async (stream, range) => (await history.load(stream, range)).filter(({ version }) => version !== 2),
    })
    const { failures } = await project(ports, commits.slice(2))
    expect(failures).toEqual([
      { stream: 'default/bench/b0', error: expect.objectContaining({ code: 'hole-in-history' }) },
    ])
    expect(Object.keys(await shown(ports.views))).toEqual(['diary/b1', 'counts/b1'])
  })

  test('an outage is nobody’s failure: it is thrown, and the same commits are projected again', async () => {
    const { history, commits } = await historyOf([[1, 1]])
    const ports = portsFor(history)
    const gone = { ...ports, load: () => Promise.reject(new Error('the store is gone')) }
    await expect(project(gone, commits.slice(1))).rejects.toThrow('the store is gone')
    await project(ports, commits.slice(1))
    expect(await shown(ports.views)).toEqual(folded([[1, 1]]))
  })

  test('a row that somebody else has written meanwhile is read and folded again', async () => {
    const { history, commits } = await historyOf([[1, 1, 1]])
    const ports = portsFor(history)
    let isFirst = true
    const overtaken = async (...[changes, checkpoint]: Parameters<typeof ports.views.write>) => {
      if (isFirst) await project(ports, commits.slice(0, 2))
      isFirst = false
      return ports.views.write(changes, checkpoint)
    }
    const { changes } = await project({ ...ports, views: { ...ports.views, write: overtaken } }, commits)
    expect(changes.map(({ previousVersion }: RowChange) => previousVersion)).toEqual([2, 2])
    expect(await shown(ports.views)).toEqual(folded([[1, 1, 1]]))
  })

  test('rows that never hold still are an error, not an endless loop', async () => {
    const { history, commits } = await historyOf([[1]])
    const ports = portsFor(history)
    const write = async (changes: readonly RowChange[]) => changes.map(({ view, row }) => `${view}/${row.id}`)
    await expect(project({ ...ports, views: { ...ports.views, write } }, commits)).rejects.toThrow(
      '2 rows keep changing',
    )
  })

  test('a view is given each event with all that is known of it', async () => {
    const { history, commits } = await historyOf([[2]])
    const seen: RecordedEvent[] = []
    const witness: View<unknown> = { ...counts, project: (_, event) => void seen.push(event) }
    await project({ ...portsFor(history), viewsOf: () => [witness] }, commits)
    expect(seen[1]).toEqual({
      type: 'BenchOffline',
      data: {},
      schemaVersion: 1,
      stream: 'default/bench/b0',
      version: 2,
      at: '2026-01-01T00:00:00.000Z',
      actor: { kind: 'user', id: 'ada' },
      commandId: 'c',
      correlationId: 'x',
    })
  })
})

const lastOfEach = (commits: readonly Commit[]): readonly Commit[] => [
  ...new Map(commits.map((commit) => [commit.stream, commit])).values(),
]
