import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import { openViews } from '../../adapters/memory/views.ts'
import { isRejection } from '../../domain/decider.ts'
import { type Commit, eventsOf } from '../../domain/event.ts'
import { decider, type ExecutionCommand } from '../../domain/execution/decide.ts'
import { schemaVersions } from '../../domain/execution/events.ts'
import type { EventStore, RowChange, ViewStore } from '../../domain/ports.ts'
import { type ExecutionBody, executions } from '../../projections/executions.ts'
import { openFolds } from '../../projections/folds.ts'
import { project } from '../../projections/project.ts'
import { executionStory } from '../domain/arbitraries.ts'
import { claim, complete, submit } from '../domain/executionStory.ts'

/** A history of one execution: a commit for each command that did something. */
const historyOf = async (commands: readonly ExecutionCommand[]) => {
  const history = openHistory()
  let state = decider.initial
  let [version, previousHash]: [number, string | null] = [0, null]
  for (const command of commands) {
    const answer = decider.decide(state, command)
    if (isRejection(answer) || answer.length === 0) continue
    const events = answer.map(({ type, data }) => ({ type, schemaVersion: schemaVersions[type], data }))
    const ids = { commandId: 'c', commandHash: 'h', correlationId: 'x', actor: { kind: 'user' as const, id: 'ada' } }
    const result = await history.append([
      { stream: 'default/execution/e1', version: version + 1, events, at: command.at, previousHash, ...ids },
    ])
    if (result.kind !== 'appended') throw new Error('conflict')
    previousHash = result.commits[0]?.hash ?? null
    for (const event of answer) state = decider.evolve(state, { ...event, version: ++version, at: command.at })
  }
  const { commits } = await history.feed(undefined, 1_000)
  return { history, commits: commits.map(({ commit }) => commit) }
}

/** What the rows must be: the fold of everything, each task at the version that last touched it. */
const folded = (commits: readonly Commit[]) => {
  let body: ExecutionBody | undefined
  for (const event of commits.flatMap(eventsOf)) body = executions.project(body, event)
  if (body === undefined || executions.split === undefined) return {}
  const version = commits.flatMap(eventsOf).length
  const nextDue = executions.nextDue(body)
  const head = { id: 'e1', version, body: executions.split.head(body), ...(nextDue === undefined ? {} : { nextDue }) }
  const tasks = executions.split.rows('e1', body, 0).map(({ row }) => [`tasks/${row.id}`, row])
  return { 'executions/e1': head, ...Object.fromEntries(tasks) }
}

const shown = async (views: ReturnType<typeof openViews>) => {
  const rows: Record<string, unknown> = {}
  for await (const page of views.scan()) for (const { view, row } of page) rows[`${view}/${row.id}`] = row
  return rows
}

const portsFor = (history: EventStore, views: Pick<ViewStore, 'read' | 'write'>, foldBytesMax?: number) => ({
  views,
  folds: openFolds<unknown>(foldBytesMax),
  load: history.load.bind(history),
})

/** Writes one row after the other, as an engine without such transactions does, and now and then breaks off. */
const torn = (views: ViewStore, breaksOff: () => boolean): Pick<ViewStore, 'read' | 'write'> => ({
  read: (...asked) => views.read(...asked),
  write: async (changes, checkpoint) => {
    const failed: string[] = []
    for (const change of changes) {
      if (breaksOff()) throw new Error('broken off')
      failed.push(...(await views.write([change])))
    }
    return failed.length > 0 ? failed : views.write([], checkpoint)
  },
})

describe('rows derived from a stream', () => {
  test('come to what its fold says, however it is delivered, forgotten and broken off', async () => {
    let touched = 0
    await fc.assert(
      fc.asyncProperty(
        executionStory,
        fc.infiniteStream(fc.nat(1_000_000)),
        fc.constantFrom(0, 3_000, 50_000_000),
        async (commands, dice, foldBytesMax) => {
          const { history, commits } = await historyOf(commands)
          const roll = (below: number) => dice.next().value % below
          const views = openViews()
          let isCalm = false
          const ports = portsFor(
            history,
            torn(views, () => !isCalm && roll(6) === 0),
            foldBytesMax,
          )
          for (let n = 0; n < 12; n++) {
            const at = roll(commits.length + 1)
            const batch = commits.slice(at, at + 1 + roll(3)).toSorted(() => roll(3) - 1)
            await project(ports, batch).catch((error: unknown) => expect(String(error)).toContain('broken off'))
          }
          isCalm = true
          await project(ports, commits.slice(-1))
          touched += commits.length
          expect(await shown(views)).toEqual(folded(commits))
        },
      ),
      { numRuns: 200 },
    )
    expect(touched).toBeGreaterThan(500)
  })

  test('come to the same when several projectors meet on them, each a little behind another', async () => {
    await fc.assert(
      fc.asyncProperty(executionStory, fc.nat(3), async (commands, size) => {
        const { history, commits } = await historyOf(commands)
        const views = openViews()
        const inParts = async (all: readonly Commit[], of: number) => {
          const ports = portsFor(history, views)
          for (let at = 0; at < all.length; at += of) await project(ports, all.slice(at, at + of))
        }
        await Promise.all([inParts(commits, 1), inParts(commits.toReversed(), size + 1), inParts(commits, size + 2)])
        expect(await shown(views)).toEqual(folded(commits))
      }),
      { numRuns: 100 },
    )
  })

  const row = (n: number) => ({ name: `t${n}` })
  const thousand = submit(Array.from({ length: 1_000 }, (_, n) => row(n)))

  test('an event writes the rows of the tasks it touches and the head, out of a thousand', async () => {
    const chain = submit([
      ...Array.from({ length: 998 }, (_, n) => row(n)),
      { name: 'z', needs: ['t0'] },
      { name: 'y' },
    ])
    const { history, commits } = await historyOf([chain, claim('t0'), complete('t0')])
    const written: string[][] = []
    const views = openViews()
    const write = async (changes: readonly RowChange[]) => {
      written.push(changes.map(({ view, row: { id }, previousVersion }) => `${view}/${id} ${previousVersion}`))
      return views.write(changes)
    }
    const ports = portsFor(history, { ...views, write })
    for (const commit of commits) await project(ports, [commit])
    expect(written.slice(-2)).toEqual([
      ['tasks/e1/t0 older', 'executions/e1 1'],
      ['tasks/e1/t0 older', 'tasks/e1/z older', 'executions/e1 3'],
    ])
  })

  test('many are written ahead of their head, some at a time', async () => {
    const { history, commits } = await historyOf([thousand])
    const sizes: [number, boolean][] = []
    const views = openViews()
    const write: ViewStore['write'] = async (changes, checkpoint) => {
      sizes.push([changes.length, changes.some(({ view }) => view === 'executions')])
      return views.write(changes, checkpoint)
    }
    const { rowCount } = await project(portsFor(history, { ...views, write }), commits)
    expect(sizes.slice(0, -1).every(([size, withHead]) => size <= 250 && !withHead)).toBe(true)
    expect(sizes.at(-1)?.[1]).toBe(true)
    expect(rowCount).toBe(1_001)
    expect(Object.keys(await shown(views))).toHaveLength(1_001)
  })

  test('history is read again once when the fold is not known, and not at all when it is', async () => {
    const { history, commits } = await historyOf([thousand, claim('t0'), claim('t1'), claim('t2'), complete('t1')])
    const views = openViews()
    let loads = 0
    const load: EventStore['load'] = (...asked) => {
      loads++
      return history.load(...asked)
    }
    const known = { ...portsFor(history, views), load }
    await project(known, commits.slice(0, 2))
    await project(known, commits.slice(2, 3))
    expect(loads).toBe(0)
    await project({ ...portsFor(history, views), load }, commits.slice(3))
    expect(loads).toBe(1)
    expect(await shown(views)).toEqual(folded(commits))
  })
})

describe('folds', () => {
  test('are forgotten, those first that were not used for longest, before they take too much', () => {
    const folds = openFolds<string>(100)
    for (const name of ['a', 'b', 'c']) folds.set(name, { version: 1, body: name }, 40)
    expect(['a', 'b', 'c'].map((name) => folds.get(name)?.body)).toEqual([undefined, 'b', 'c'])
    folds.get('b')
    folds.set('d', { version: 1, body: 'd' }, 40)
    expect(['b', 'c', 'd'].map((name) => folds.get(name)?.body)).toEqual(['b', undefined, 'd'])
    folds.set('b', { version: 2, body: 'grown' }, 200)
    expect(['b', 'd'].map((name) => folds.get(name)?.body)).toEqual([undefined, undefined])
  })
})
