/** What one server at a time does for all: rows and feed from the history's stream, policies, callbacks, Ticks, lost workers. */
import { setTimeout as wait } from 'node:timers/promises'
import { startStreamRunner } from '../../adapters/dynamodb/streamRunner.ts'
import type { Instant } from '../../domain/ids.ts'
import type { FeedPage, RowChange } from '../../domain/ports.ts'
import type { StreamHandler } from '../../projections/handler.ts'
import { type CallbackOptions, startCallbacks } from '../callbacks/callbacks.ts'
import { startClock } from '../clock.ts'
import { openProjectConsumer } from '../consumers/project.ts'
import { openPublishConsumer, type PublishConsumerPorts } from '../consumers/publish.ts'
import type { Counters } from '../counters.ts'
import type { DeadLetters } from '../deadLetters.ts'
import type { Liveness } from '../liveness/liveness.ts'
import type { Log } from '../log.ts'
import type { Progress } from '../progress.ts'
import { startReactor } from '../reactor.ts'
import { type Cursors, resumeAt } from '../resume.ts'
import type { Writing } from '../services.ts'
import type { Follower } from './follower.ts'
import type { Following } from './generations.ts'
import { idleReactor, idleStream, type StreamLoops } from './idleLoops.ts'
import type { Duties } from './keeper.ts'
import type { SharedLossFreeze } from './lossFreeze.ts'
import type { SharedStores } from './stores.ts'

export interface DutyPorts {
  stores: SharedStores
  following: Following
  follower: Pick<Follower, 'cursor'>
  writing: Writing
  liveness: Pick<Liveness, 'sweeper'>
  freeze: Pick<SharedLossFreeze, 'start'>
  letters: DeadLetters
  callbacks: (Omit<CallbackOptions, 'secret'> & { secret: string }) | undefined
  publisher: PublishConsumerPorts['publisher'] | undefined
  log: Log
  counters: Counters
  progress: Progress
  now: () => Instant
  tenant: string
  policyPausesMs: readonly number[] | undefined
  pollEveryMs: number | undefined
  /** Others follow the stream, answer for policies and send Ticks. */
  isPipelined: boolean | undefined
  /** Resolves when the views can be trusted. */
  ready: Promise<boolean>
  /** Rows were written, here. */
  onWritten: (changes: readonly RowChange[]) => void
}

/** Each term as keeper begins where the last one, of whichever server, has left its marks. */
export const openDuties = (ports: DutyPorts) => {
  let term: Term | undefined
  return {
    begin: async (): Promise<Duties> => {
      const begun = await begin(ports)
      term = begun
      return {
        end: async () => {
          if (term === begun) term = undefined
          await begun.end()
        },
      }
    },
    /** What this server does for all now; undefined: it is not the keeper. */
    term: () => term,
    /** A page of the feed, for the policies and the callbacks. */
    offer: (after: string | undefined, page: FeedPage): void => {
      const loops = term?.answering()
      loops?.reactor.offer(after, page)
      loops?.callbacks?.offer(after, page)
    },
  }
}

type Term = Awaited<ReturnType<typeof begin>>

const begin = async (ports: DutyPorts) => {
  const { liveness } = ports
  const freeze = await ports.freeze.start()
  const { clock, runner } = ports.isPipelined === true ? idleStream : startStream(ports)
  const answering = startAnswering(ports)
  // It restores leases first, as soon as the views can be trusted.
  void liveness.sweeper.start()
  const end = async (): Promise<void> => {
    await Promise.all([runner, clock, liveness.sweeper, answering].map((part) => part.stop()))
    await freeze.stop()
  }
  return { answering: answering.loops, clock, runner, end }
}

/** What answers to events: policies, and callbacks. */
interface AnsweringLoops {
  reactor: ReturnType<typeof startReactor>
  callbacks: ReturnType<typeof startCallbacks> | undefined
}

const outagePauseMs = 1_000

/**
 * Begins as soon as the views can be trusted, where the marks are that were left in them: rows that are being built have none
 * yet, and everything would be answered a second time.
 */
const startAnswering = (ports: DutyPorts) => {
  const { ready, progress, counters, log } = ports
  const ending = new AbortController()
  const { signal } = ending
  let loops: AnsweringLoops | undefined
  let beginning = Promise.resolve()
  const beginAnswering = async (): Promise<void> => {
    while (!signal.aborted && loops === undefined) {
      try {
        const cursors = await resumeAt(ports.stores.history, ports.following.views(), log)
        if (!signal.aborted) loops = loopsFrom(ports, cursors)
      } catch (error) {
        const count = ++counters.reactionFailures
        log.error({ count, err: error }, 'policies and callbacks cannot go on where they were, and try again')
        await wait(outagePauseMs, undefined, { signal }).catch(() => {})
      }
    }
    progress.happened()
  }
  void ready.then((isReady) => {
    if (isReady) beginning = beginAnswering()
  })
  return {
    /** Undefined: they have not begun. */
    loops: () => loops,
    stop: async (): Promise<void> => {
      ending.abort()
      await beginning
      await Promise.all([loops?.reactor.stop(), loops?.callbacks?.stop()])
    },
  }
}

const loopsFrom = (ports: DutyPorts, cursors: Cursors): AnsweringLoops => {
  const { stores, following, follower, writing, letters, tenant } = ports
  const seen = { ...ports, history: stores.history, views: following.views, projectedTo: follower.cursor }
  const callbacks =
    ports.callbacks && startCallbacks({ ...seen, tenant, headOf: writing.headOf }, ports.callbacks, cursors.callbacks)
  if (ports.isPipelined === true) return { reactor: idleReactor(follower.cursor), callbacks }
  const answers = { send: writing.send, putAside: letters.keep, pausesMs: ports.policyPausesMs }
  return { reactor: startReactor({ ...seen, ...answers }, cursors.react), callbacks }
}

/** What follows the history's stream, and the clock that what it brings arms. */
const startStream = (ports: DutyPorts): StreamLoops => {
  const due: Parameters<typeof startClock>[0]['due'] = (...asked) => ports.following.views().due(...asked)
  const clock = startClock({ ...ports, due, tick: ports.writing.tick })
  const runner = startRunner(ports, (changes) => {
    ports.onWritten(changes)
    for (const { row } of changes) if (row.nextDue !== undefined) clock.arm(row.nextDue)
  })
  return { clock, runner }
}

const startRunner = (ports: DutyPorts, onWritten: (changes: readonly RowChange[]) => void) => {
  const { stores, following, publisher, pollEveryMs } = ports
  const { history, feed, lastingRows, streams, tablePrefix, streamLetters } = stores
  const batches = { ...ports, letters: streamLetters }
  const project = openProjectConsumer({ ...batches, views: following.toWrite, history, feed, onWritten })
  const publish: { publish?: StreamHandler } =
    publisher === undefined ? {} : { publish: openPublishConsumer({ ...batches, publisher }) }
  return startStreamRunner({
    streams,
    consumers: { project, ...publish },
    checkpoints: lastingRows,
    letters: streamLetters,
    log: ports.log,
    now: ports.now,
    ...(tablePrefix === undefined ? {} : { tablePrefix }),
    ...(pollEveryMs === undefined ? {} : { pollEveryMs }),
  })
}
