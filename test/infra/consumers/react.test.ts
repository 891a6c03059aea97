import { describe, expect, test } from 'vitest'
import { openHistory } from '../../../adapters/memory/history.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import { eventsOf, lastVersion, type RecordedEvent } from '../../../domain/event.ts'
import { fault } from '../../../domain/faults.ts'
import type { EventStore } from '../../../domain/ports.ts'
import { openReactConsumer, type ReactConsumerPorts, watchedTypes } from '../../../infra/consumers/react.ts'
import { openCounters } from '../../../infra/counters.ts'
import { openHeadCache } from '../../../infra/headCache.ts'
import { noLog } from '../../../infra/log.ts'
import { openWriting } from '../../../infra/services.ts'
import { openFolds } from '../../../projections/folds.ts'
import { project } from '../../../projections/project.ts'
import { cloudEvent } from '../../../projections/publish.ts'
import { writePath } from '../../writePath.ts'
import { now } from './streamed.ts'

/** A bench that was retired while somebody holds it: whoever reacts evicts the reservation. */
const retired = async (history = openHistory()) => {
  const path = writePath(history)
  const send = async (...asked: Parameters<typeof path.send>) => {
    const outcome = await path.send(...asked)
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
  }
  await send('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' })
  const window = { start: '2026-03-01T10:00:00.000Z', durationMs: 3_600_000, checkInWithinMs: 0, graceMs: 0 }
  await send('reservation', 'r1', 'RequestReservation', { holder: 'ada', benches: [{ benchId: 'b1' }], ...window })
  await send('bench', 'b1', 'RetireBench', { force: true })
  const { commits } = await history.feed(undefined, 1_000)
  return {
    history,
    events: commits.flatMap(({ commit }) => eventsOf(commit)),
    commits: commits.map(({ commit }) => commit),
  }
}

const opened = async (more: Partial<ReactConsumerPorts> = {}, given = retired()) => {
  const { history, events, commits } = await given
  const [views, counters] = [openViews(), openCounters()]
  const folds = openFolds<unknown>()
  const projectAll = () => project({ views, load: (...asked) => history.load(...asked), folds }, commits)
  const candidates = async () => ({ benchIds: ['b1'], excluded: {} })
  const writing = openWriting({ store: history, cache: openHeadCache(), counters, now, candidates })
  const ports = {
    wholeViews: async () => views,
    history,
    send: writing.send,
    log: noLog,
    counters,
    waitMs: 20,
    lookEveryMs: 5,
    pausesMs: [],
  }
  const handle = openReactConsumer({ ...ports, ...more })
  const statusOf = async (): Promise<unknown> => {
    const head = await writing.headOf('t', 'reservation', 'r1')
    return (head.state as { status: string }).status
  }
  const versionOf = async () => (await writing.headOf('t', 'reservation', 'r1')).version
  return { handle, projectAll, events, counters, statusOf, versionOf, history, send: writing.send }
}

/** As a rule of the bus hands an event to a queue. */
const messageOf = (event: RecordedEvent, messageId: string) => {
  const detail = cloudEvent(event)
  const body = { version: '0', source: detail.source, 'detail-type': event.type, resources: [event.stream], detail }
  return { messageId, body: JSON.stringify(body) }
}
const messagesOf = (events: readonly RecordedEvent[]) => events.map((event, n) => messageOf(event, `m${n}`))
const allDone = { batchItemFailures: [] }
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) })

describe('messages of the bus', () => {
  test('become the commands that policies answer with, once, however often they come', async () => {
    const { handle, projectAll, events, statusOf, versionOf } = await opened()
    await projectAll()
    const Records = messagesOf(events)
    expect(await handle({ Records: [...Records, ...Records] })).toEqual(allDone)
    expect(await statusOf()).not.toBe('confirmed')
    const version = await versionOf()
    expect(await handle({ Records })).toEqual(allDone)
    expect(await versionOf()).toBe(version)
  })

  test('are only asked for of the types that a policy watches', () => {
    expect(watchedTypes).toContain('BenchRetired')
    expect(watchedTypes).not.toContain('AttemptCompleted')
  })

  test('whose events the views have not seen come again, the others do not', async () => {
    const { handle, projectAll, events, statusOf } = await opened()
    const Records = messagesOf(events)
    expect(await handle({ Records })).toEqual(failed(...Records.map(({ messageId }) => messageId)))
    expect(await statusOf()).toBe('confirmed')
    await projectAll()
    expect(await handle({ Records })).toEqual(allDone)
  })

  test('wait for the views for a while', async () => {
    const { handle, projectAll, events, statusOf } = await opened({ waitMs: 5_000 })
    const handled = handle({ Records: messagesOf(events) })
    await projectAll()
    expect(await handled).toEqual(allDone)
    expect(await statusOf()).not.toBe('confirmed')
  })

  test('whose data lie elsewhere are read from history all the same', async () => {
    const { handle, projectAll, events, statusOf } = await opened()
    await projectAll()
    const Records = messagesOf(events).map(({ messageId, body }) => {
      const told = JSON.parse(body) as { detail: { data?: unknown } }
      delete told.detail.data
      return { messageId, body: JSON.stringify({ ...told, detail: { ...told.detail, dataref: 's3://bucket/key' } }) }
    })
    expect(await handle({ Records })).toEqual(allDone)
    expect(await statusOf()).not.toBe('confirmed')
  })

  test.each([
    ['no JSON', () => 'nothing'],
    ['no event of ours', () => '{}'],
    ['of another source', (body: string) => body.replaceAll('benchplane/t', 'aws.ec2')],
    ['of a tenant within a tenant', (body: string) => body.replaceAll('benchplane/t', 'benchplane/t/u')],
    ['of no kind of stream', (body: string) => body.replaceAll('"subject":"bench/', '"subject":"house/')],
    [
      'of a version that history does not have',
      (body: string) => body.replace(/"streamversion":\d+/, '"streamversion":99'),
    ],
    ['of a version that is none', (body: string) => body.replace(/"streamversion":\d+/, '"streamversion":-1')],
  ])('that are %s fail alone', async (_, spoil) => {
    const { handle, projectAll, events, statusOf, counters } = await opened()
    await projectAll()
    const good = messagesOf(events)
    const last = good.at(-1)!
    const bad = { messageId: 'bad', body: spoil(last.body) }
    expect(await handle({ Records: [bad, ...good] })).toEqual(failed('bad'))
    expect(await statusOf()).not.toBe('confirmed')
    expect(counters.reactionFailures).toBe(1)
  })

  test('that claim what has not happened have no effect', async () => {
    const { handle, projectAll, events, versionOf } = await opened()
    await projectAll()
    const registered = events.find(({ type }) => type === 'BenchRegistered')!
    const before = await versionOf()
    const forged = messageOf({ ...registered, type: 'BenchRetired', data: { force: true } }, 'forged')
    expect(await handle({ Records: [forged] })).toEqual(allDone)
    expect(await versionOf()).toBe(before)
  })
})

describe('in bad weather', () => {
  test('of a commit of several events only the message comes again whose event it was', async () => {
    const { history } = await retired()
    const earlier = (await history.load('t/bench/b1')).at(-1)!
    const version = lastVersion(earlier) + 1
    const retiring = { type: 'BenchRetired', schemaVersion: 1, data: { reservationIds: ['r1'] } }
    const { hash: previousHash, siblings: _, ...rest } = earlier
    const commit = {
      ...rest,
      version,
      previousHash,
      events: [{ ...retiring, type: 'BenchOnline', data: {} }, retiring],
    }
    await history.append([commit])
    const [first, second] = eventsOf((await history.load('t/bench/b1', { from: version }))[0]!)
    const seen = { ...openViews(), read: async () => [{ id: 'b1', version: version + 1, body: {} }] }
    const away = () => Promise.reject(new Error('away'))
    const { handle } = await opened({ wholeViews: async () => seen, history, send: away })
    expect(await handle({ Records: [messageOf(first!, 'first'), messageOf(second!, 'second')] })).toEqual(
      failed('second'),
    )
  })

  test('a command that throws, or loses its races, brings its message again, and no other', async () => {
    const outcomes = [new Error('away'), { kind: 'contended', attempts: 100 } as const]
    const { handle, projectAll, events, statusOf, send } = await opened({
      send: async (reaction) => {
        const next = outcomes.shift()
        if (next instanceof Error) throw next
        return next ?? send(reaction)
      },
    })
    await projectAll()
    const Records = messagesOf(events)
    const retiring = Records[events.findIndex(({ type }) => type === 'BenchRetired')]!
    expect(await handle({ Records })).toEqual(failed(retiring.messageId))
    expect(await handle({ Records: [retiring] })).toEqual(failed(retiring.messageId))
    expect(await statusOf()).toBe('confirmed')
    expect(await handle({ Records: [retiring] })).toEqual(allDone)
    expect(await statusOf()).not.toBe('confirmed')
  })

  test('a command that fails for a moment, or loses its races, is sent again without its message', async () => {
    const outcomes = [new Error('away'), { kind: 'contended', attempts: 100 } as const]
    const { handle, projectAll, events, statusOf, send, counters } = await opened({
      pausesMs: [1, 1],
      send: async (reaction) => {
        const next = outcomes.shift()
        if (next instanceof Error) throw next
        return next ?? send(reaction)
      },
    })
    await projectAll()
    expect(await handle({ Records: messagesOf(events) })).toEqual(allDone)
    expect(await statusOf()).not.toBe('confirmed')
    expect(counters.reactionFailures).toBe(0)
  })

  test('no attempt is waited for that would come after the function’s time', async () => {
    const away = () => Promise.reject(new Error('away'))
    const { handle, projectAll, events } = await opened({ pausesMs: [3_600_000], send: away })
    await projectAll()
    expect((await handle({ Records: messagesOf(events) })).batchItemFailures).toHaveLength(1)
  })

  test('while history is away all messages come again', async () => {
    const given = await retired()
    const away = () => Promise.reject(fault('storage-unusable', 'away'))
    const history: EventStore = {
      ...given.history,
      load: away,
      scan: () => {
        throw fault('storage-unusable', 'away')
      },
    }
    const { handle, projectAll, events } = await opened({ history }, Promise.resolve(given))
    await projectAll()
    const Records = messagesOf(events)
    expect(await handle({ Records })).toEqual(failed(...Records.map(({ messageId }) => messageId)))
  })

  test('while the views are away the whole batch comes again', async () => {
    const { handle, events } = await opened({ wholeViews: () => Promise.reject(fault('storage-unusable', 'away')) })
    await expect(handle({ Records: messagesOf(events) })).rejects.toThrow('away')
  })
})
