import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import type { Commit } from '../../domain/event.ts'
import { after, appended, named } from '../contract/medium.ts'
import { register } from '../domain/handleStory.ts'
import { writePath } from '../writePath.ts'
import { temporaryDirectories } from './directories.ts'
import { localEngine } from './dynamodbLocal.ts'
import { openProxy, type Plan, type Trouble, troubles, weather } from './dynamodbProxy.ts'

const engine = localEngine()
const { closing } = temporaryDirectories()
const bench = 'acme/bench/rig-1'
const other = 'acme/bench/rig-2'

/** One history twice: through a proxy that makes trouble, with short patience; and as it is, to see what really happened. */
const troubled = async () => {
  const tablePrefix = await engine.tables()
  const proxy = closing(await openProxy(engine.endpoint()))
  const client = engine.client({ endpoint: proxy.endpoint, requestTimeoutMs: 250, attemptCountMax: 3 })
  const store = closing(openHistory({ client, tablePrefix }))
  return { proxy, store, truth: openHistory({ client: engine.client(), tablePrefix }) }
}

const first =
  (trouble: Trouble): Plan =>
  (n) =>
    n === 1 ? trouble : undefined

describe('a write that meets trouble once', () => {
  test.each(weather)('%s: alone on its stream, is written once and answered so', async (trouble) => {
    const { proxy, store, truth } = await troubled()
    proxy.follow(first(trouble))
    const commits = appended(await store.append([after(bench)]))
    expect(proxy.requestCount()).toBeGreaterThan(1)
    expect(await truth.load(bench)).toEqual(commits)
    expect(await store.append([after(bench, commits[0])])).toMatchObject({ kind: 'appended' })
  })

  test.each(weather)('%s: on two streams with a check, is written once and answered so', async (trouble) => {
    const { proxy, store, truth } = await troubled()
    proxy.follow(first(trouble))
    const check = { stream: 'acme/worker/w-1', version: 0 }
    const commits = appended(await store.append([after(bench), after(other)], [check]))
    expect(proxy.requestCount()).toBeGreaterThan(1)
    expect([...(await truth.load(bench)), ...(await truth.load(other))]).toEqual(commits)
  })

  test.each(weather)('%s: to a place that is taken, is told who has it', async (trouble) => {
    const { proxy, store, truth } = await troubled()
    const winners = appended(await truth.append([after(bench, undefined, { commandId: 'faster' })]))
    proxy.follow(first(trouble))
    expect(await store.append([after(bench)])).toEqual({ kind: 'conflict', winners })
    expect(await store.append([after(other), after(bench)])).toEqual({ kind: 'conflict', winners })
  })

  test('the same commit from somebody else is a conflict all the same, when our request was sent only once', async () => {
    const { store, truth } = await troubled()
    await truth.append([after(bench)])
    expect(await store.append([after(bench)])).toMatchObject({ kind: 'conflict' })
  })
})

describe('a read that meets trouble once', () => {
  test.each(weather.filter((trouble) => trouble !== 'contended'))('%s: is answered all the same', async (trouble) => {
    const { proxy, store, truth } = await troubled()
    const commits = appended(await truth.append([after(bench)]))
    proxy.follow(first(trouble))
    expect(await store.load(bench)).toEqual(commits)
  })
})

describe('contention that does not end', () => {
  test('is a conflict without a winner: nothing was written, and others are busy', async () => {
    const { proxy, store, truth } = await troubled()
    proxy.follow(() => 'contended')
    expect(await store.append([after(bench)])).toEqual({ kind: 'conflict', winners: [] })
    expect(await truth.load(bench)).toEqual([])
  })
})

describe('an outage', () => {
  test.each<Trouble>(['refused', 'throttled', 'failed', 'lost'])(
    '%s, all the time: is told in bounded time as an outage of the table, and over when it is over',
    async (trouble) => {
      const { proxy, store } = await troubled()
      proxy.follow(() => trouble)
      const outage = {
        code: 'storage-unusable',
        message: expect.stringMatching(/the table test-\d+-history can't be used/),
      }
      await expect(store.load(bench)).rejects.toMatchObject(outage)
      await expect(store.append([after(bench)])).rejects.toMatchObject(outage)
      expect(proxy.requestCount()).toBeLessThanOrEqual(10)
      proxy.follow(() => undefined)
      const head = (await store.load(bench)).at(-1)
      expect(await store.append([after(bench, head)])).toMatchObject({ kind: 'appended' })
    },
  )

  test('a table that is not there is told by its name, and what to do', async () => {
    const store = openHistory({ client: engine.client(), tablePrefix: 'nobodys-' })
    const message = expect.stringMatching(/nobodys-history is not there/)
    await expect(store.load(bench)).rejects.toMatchObject({ code: 'storage-unusable', message })
    await expect(store.append([after(bench), after(other)])).rejects.toMatchObject({ message })
    await expect(store.feed(undefined, 1)).rejects.toMatchObject({ code: 'storage-unusable' })
  })

  test('what an outage was about stays out of its error: nobody reads content in a log', async () => {
    const { proxy, store } = await troubled()
    proxy.follow(() => 'refused')
    const append = store.append([after(bench, undefined, { commandId: 'my-secret' })])
    const error: unknown = await append.catch((thrown: unknown) => thrown)
    expect(inspect(error)).toContain('storage-unusable')
    expect(inspect(error)).not.toContain('my-secret')
  })
})

describe('a storm', () => {
  test('of every trouble: what was acknowledged is there, nothing is there twice, and the chain is whole', async () => {
    const { proxy, store, truth } = await troubled()
    const servers = [writePath(store), writePath(store), writePath(store)]
    await servers[0]!.send('bench', 'b1', 'RegisterBench', register('b1'))
    proxy.follow(stormy(11))
    const commandIds = Array.from({ length: 60 }, (_, n) => `command-${n}`)
    await Promise.all(
      commandIds.map((commandId, n) => untilDone(() => describeBench(servers[n % servers.length]!, commandId))),
    )
    const commits = await truth.load('t/bench/b1')
    const found = commits.map(({ commandId }) => commandId).filter((commandId) => commandId.startsWith('command-'))
    expect(found.toSorted()).toEqual(commandIds.toSorted())
    expectWholeChain(commits)
  }, 60_000)

  test('over bookings of two benches each: both or none, and each once', async () => {
    const { proxy, store, truth } = await troubled()
    const { send } = writePath(store)
    for (const id of ['b1', 'b2']) await send('bench', id, 'RegisterBench', register(id))
    proxy.follow(stormy(5))
    const ids = Array.from({ length: 20 }, (_, n) => n)
    await Promise.all(ids.map((n) => untilDone(() => book(writePath(store), n))))
    const [one, two] = await Promise.all(['t/bench/b1', 't/bench/b2'].map((stream) => truth.load(stream)))
    for (const commits of [one!, two!]) {
      expectWholeChain(commits)
      expect(
        commits
          .map(({ commandId }) => commandId)
          .slice(1)
          .toSorted(),
      ).toEqual(ids.map((n) => `book-${n}`).toSorted())
    }
    for (const n of ids) expect((await truth.load(`t/reservation/r${n}`)).map(named)).toEqual([`t/reservation/r${n}@1`])
  }, 60_000)
})

type Server = ReturnType<typeof writePath>

const describeBench = (server: Server, commandId: string) =>
  server.send('bench', 'b1', 'DescribeBench', { location: commandId }, { commandId })

const book = (server: Server, n: number) => {
  const hour = (offset: number) =>
    new Date(Date.parse('2026-03-02T00:00:00.000Z') + (n + offset) * 3_600_000).toISOString()
  const benches = [{ benchId: 'b1' }, { benchId: 'b2' }]
  const data = { holder: 'ada', benches, start: hour(0), end: hour(1) }
  return server.send('reservation', `r${n}`, 'RequestReservation', data, { commandId: `book-${n}` })
}

/** As a client does: an outage is no answer, so it sends the command again, under the same key. */
const untilDone = async (send: () => Promise<{ kind: string }>): Promise<void> => {
  for (let tries = 1; tries <= 50; tries++) {
    const outcome = await send().catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'storage-unusable' })
      return undefined
    })
    if (outcome?.kind === 'done') return
  }
  throw new Error('not done in fifty tries')
}

/** Two of five requests go wrong, the same in every run. */
const stormy = (seed: number): Plan => {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    const drawn = Math.floor(state / 2 ** 16) % 18
    return troubles[drawn]
  }
}

const expectWholeChain = (commits: readonly Commit[]): void => {
  const hashes = commits.map(({ hash }) => hash)
  expect(commits.map(({ previousHash }) => previousHash)).toEqual([null, ...hashes.slice(0, -1)])
}
