import { describe, expect, test } from 'vitest'
import { openGate, underWayCountMax } from '../../adapters/dynamodb/gate.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import type { Commit } from '../../domain/event.ts'
import type { ScannedCommit } from '../../domain/ports.ts'
import { after, appended, grow, hold } from '../contract/medium.ts'
import { countSpent } from './dynamodbCapacity.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()
const bench = 'acme/bench/rig-1'

const opened = async () => {
  const tablePrefix = await engine.tables()
  const client = engine.client({})
  return { store: openHistory({ client, tablePrefix }), spent: countSpent(client), tablePrefix }
}

const large = (bytes: number) => [hold('x'.repeat(bytes))]

describe('more than one page', () => {
  test('of large commits is loaded whole, and scanned whole', async () => {
    const { store, spent } = await opened()
    const commits: Commit[] = []
    for (let n = 0; n < 10; n++)
      commits.push(...appended(await store.append([after(bench, commits.at(-1), { events: large(200_000) })])))
    spent()
    expect(await store.load(bench)).toEqual(commits)
    expect(spent().calls.length).toBeGreaterThan(1)
    expect((await store.loadLatest(bench, 1)).commits).toEqual(commits)
    const found: ScannedCommit[] = []
    for await (const page of store.scan()) found.push(...page)
    expect(found.map(({ version }) => version)).toEqual(commits.map(({ version }) => version))
  })

  test('backwards takes more each time: a stream that no state rides on is loaded in few calls', async () => {
    const { store, spent } = await opened()
    const commits = await grow(
      store,
      bench,
      Array.from({ length: 400 }, () => 1),
      { 3: { reducerVersion: 2, state: 'of another reducer' } },
    )
    spent()
    expect(await store.loadLatest(bench, 1)).toEqual({ commits })
    expect(spent().calls).toHaveLength(3)
  })
})

describe('limits of the engine', () => {
  test('an append of more than 4 MB is refused before any write, though each of its commits would pass', async () => {
    const { store } = await opened()
    const commits = Array.from({ length: 20 }, (_, n) =>
      after(`acme/bench/rig-${n}`, undefined, { events: large(220_000) }),
    )
    await expect(store.append(commits)).rejects.toMatchObject({ code: 'too-large' })
    expect(await store.load('acme/bench/rig-0')).toEqual([])
    expect(await store.append(commits.slice(0, 15))).toMatchObject({ kind: 'appended' })
  })

  test('a state that does not fit beside its commit does not ride, and is not missed', async () => {
    const { store } = await opened()
    const ride = { reducerVersion: 1, state: 'é'.repeat(100_000) }
    const commits = appended(await store.append([after(bench, undefined, { events: large(250_000), ride })]))
    expect(await store.loadLatest(bench, 1)).toEqual({ commits })
  })

  test('and of patience: who comes when ten thousand wait already is told that the history is busy', async () => {
    const pass = openGate()
    const engineAnswers = Promise.withResolvers<void>()
    const served = Array.from({ length: underWayCountMax + 10_000 }, () => pass(() => engineAnswers.promise))
    await expect(pass(async () => {})).rejects.toMatchObject({ code: 'storage-unusable' })
    engineAnswers.resolve()
    await Promise.all(served)
    expect(await pass(async () => 'served')).toBe('served')
  })

  test('a burst of more requests than connections is answered, each in its turn', async () => {
    const { store } = await opened()
    const streams = Array.from({ length: 2_000 }, (_, n) => `acme/bench/rig-${n}`)
    const results = await Promise.all(streams.map((stream) => store.append([after(stream)])))
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['appended']))
  })
})

describe('names', () => {
  test('are told apart by case, as ids are', async () => {
    const { store } = await opened()
    const lower = appended(await store.append([after('acme/message/abc')]))
    const upper = appended(await store.append([after('acme/message/ABC', undefined, { commandId: 'other' })]))
    expect(await store.load('acme/message/abc')).toEqual(lower)
    expect(await store.load('acme/message/ABC')).toEqual(upper)
  })

  test('of tables begin as they are told: two houses share an account', async () => {
    const [one, two] = [await opened(), await opened()]
    await one.store.append([after(bench)])
    expect(await two.store.load(bench)).toEqual([])
  })
})
