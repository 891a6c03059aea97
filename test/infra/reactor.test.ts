import { afterEach, describe, expect, test } from 'vitest'
import { openHistory } from '../../adapters/memory/history.ts'
import { openViews } from '../../adapters/memory/views.ts'
import type { Outcome } from '../../domain/handle.ts'
import type { EventStore, FeedPage } from '../../domain/ports.ts'
import { openCounters } from '../../infra/counters.ts'
import { openDeadLetters } from '../../infra/deadLetters.ts'
import { openProgress } from '../../infra/progress.ts'
import { reactConsumer, startReactor } from '../../infra/reactor.ts'
import type { Reaction } from '../../projections/react.ts'
import { openLines, until } from './house.ts'

const done: Outcome = { kind: 'done', created: false, replayed: false, commits: [], head: {} as never }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** An execution that finishes, and wants its reservation released; answers the page as the projector would hand it over. */
const finish = async (history: EventStore, n: number): Promise<[string | undefined, FeedPage]> => {
  const after = await history.feedEnd()
  await history.append([
    {
      stream: `default/execution/e${n}`,
      version: 1,
      events: [
        {
          type: 'ExecutionFinished',
          schemaVersion: 1,
          data: { verdict: 'passed', releaseReservation: true, reservationId: `r${n}` },
        },
      ],
      at: '2026-03-02T08:00:00.000Z',
      actor: { kind: 'user', id: 'ada' },
      commandId: 'c',
      commandHash: 'h',
      correlationId: `about-${n}`,
      previousHash: null,
    },
  ])
  return [after === '0' ? undefined : after, await history.feed(after, 1)]
}

/** A history of executions that finish and want their reservations released, and a reactor over it. */
const reactorOver = (
  send: (reaction: Reaction) => Outcome | Promise<Outcome>,
  { cursor, pausesMs = [1, 1] }: { cursor?: string; pausesMs?: readonly number[] } = {},
) => {
  const history = openHistory()
  const views = openViews()
  const counters = openCounters()
  const { lines, log } = openLines()
  const sent: string[] = []
  let projected: string | undefined
  const letters = openDeadLetters(
    () => views,
    0,
    () => '2026-03-02T08:00:00.000Z',
  )
  const reactor = startReactor(
    {
      history,
      views: () => views,
      projectedTo: () => projected,
      send: async (reaction) => {
        sent.push(reaction.id)
        return send(reaction)
      },
      putAside: letters.keep,
      log,
      counters,
      progress: openProgress(),
      pausesMs,
    },
    cursor,
  )
  stops.push(reactor.stop)
  return {
    history,
    views,
    counters,
    lines,
    sent,
    reactor,
    letters,
    finish: (n: number) => finish(history, n),
    project: (to: string) => {
      projected = to
    },
  }
}

describe('the reactor', () => {
  test('sends what policies want once the views have seen the event, and remembers how far it is', async () => {
    const { finish, project, reactor, sent, views } = reactorOver(() => done)
    const page = await finish(1)
    expect(sent).toEqual([])
    project('1')
    reactor.offer(...page)
    await until(async () => (await views.checkpoint(reactConsumer)) === '1')
    expect(sent).toEqual(['r1'])
  })

  test('reads for itself what was not handed over', async () => {
    const all = reactorOver(() => done)
    for (let n = 1; n <= 300; n++) await all.finish(n)
    const last = await all.finish(301)
    all.project('301')
    all.reactor.offer(...last)
    await until(() => all.reactor.cursor() === '301')
    expect(all.sent).toEqual(Array.from({ length: 301 }, (_, n) => `r${n + 1}`))
  })

  test('goes on from its own checkpoint, not from the beginning', async () => {
    const all = reactorOver(() => done, { cursor: '1' })
    await all.finish(1)
    const second = await all.finish(2)
    all.project('2')
    all.reactor.offer(...second)
    await until(() => all.reactor.cursor() === '2')
    expect(all.sent).toEqual(['r2'])
  })

  test('takes a refusal for an answer', async () => {
    const { finish, project, reactor, counters, letters } = reactorOver(() => ({
      kind: 'refused',
      version: 3,
      rejection: { rejection: 'ReservationOver', detail: 'over' },
    }))
    const page = await finish(1)
    project('1')
    reactor.offer(...page)
    await until(() => reactor.cursor() === '1')
    expect([counters.reactions, counters.reactionFailures, letters.count()]).toEqual([1, 0, 0])
  })

  test('tries a command again that an outage stopped', async () => {
    let outages = 2
    const { finish, project, reactor, sent, counters, lines } = reactorOver(() => {
      if (outages-- > 0) throw new Error('the store is gone')
      return done
    })
    const page = await finish(1)
    project('1')
    reactor.offer(...page)
    await until(() => reactor.cursor() === '1')
    expect([sent, counters.reactionFailures]).toEqual([['r1', 'r1', 'r1'], 2])
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { policy: 'releaseAfterExecution', correlationId: 'about-1', count: 1 },
      { commandId: 'releaseAfterExecution:execution/e1/1:reservation/r1', count: 2 },
    ])
  })

  test('puts a command aside that fails again and again, so that the others go on', async () => {
    const { finish, project, reactor, sent, views, letters, lines } = reactorOver(({ id }) => {
      if (id === 'r1') return { kind: 'contended', attempts: 100 }
      return done
    })
    await finish(1)
    const second = await finish(2)
    project('2')
    reactor.offer(...second)
    await until(() => reactor.cursor() === '2')
    expect(sent.toSorted()).toEqual(['r1', 'r1', 'r1', 'r2'])
    expect(letters.count()).toBe(1)
    const [letter] = await views.read('deadLetters', 'default', ['releaseAfterExecution:execution/e1/1:reservation/r1'])
    expect(letter?.body).toMatchObject({
      error: 'lost 100 races in a row',
      reaction: { id: 'r1', policy: 'releaseAfterExecution' },
    })
    expect(lines.find(({ level }) => level === 'error')).toMatchObject({ correlationId: 'about-1' })
  })

  test('does a batch again whose dead letter could not be kept', async () => {
    let isBroken = true
    const all = reactorOver(() => {
      if (isBroken) throw new Error('the store is gone')
      return done
    })
    const { write } = all.views
    all.views.write = async (...asked) => {
      if (!isBroken) return write(...asked)
      isBroken = false
      throw new Error('so are the views')
    }
    const page = await all.finish(1)
    all.project('1')
    all.reactor.offer(...page)
    await until(() => all.reactor.cursor() === '1')
    expect([all.sent.length, all.letters.count()]).toEqual([4, 0])
  })

  test('sees no event before the views have', async () => {
    const all = reactorOver(() => done)
    await all.finish(1)
    const second = await all.finish(2)
    const third = await all.finish(3)
    all.project('2')
    all.reactor.offer(...second)
    await until(() => all.reactor.cursor() === '2')
    expect(all.sent).toEqual(['r1', 'r2'])
    all.project('3')
    all.reactor.offer(...third)
    await until(() => all.reactor.cursor() === '3')
  })

  test('ends in the middle of its pauses: what was not done is not checked off, and not put aside', async () => {
    const outage = () => {
      throw new Error('the store is gone')
    }
    const all = reactorOver(outage, { pausesMs: [60_000] })
    const page = await all.finish(1)
    all.project('1')
    all.reactor.offer(...page)
    await until(() => all.sent.length > 0)
    await all.reactor.stop()
    expect(all.letters.count()).toBe(0)
    expect(await all.views.checkpoint(reactConsumer)).toBeUndefined()
    expect(all.reactor.cursor()).toBeUndefined()
  })
})
