import type { TaskAnswers } from '../../adapters/stepfunctions/callback.ts'
import type { Post, Posted } from '../../adapters/webhooks/post.ts'
import { eventsOf, type RecordedEvent } from '../../domain/event.ts'
import { earlier, type Instant, later, msBetween, plusMs } from '../../domain/ids.ts'
import type { EventStore, ViewStore } from '../../domain/ports.ts'
import { cloudEvent } from '../../projections/publish.ts'
import { type Bell, openBell } from '../bell.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { allOwed, changeOf, hostOf, type Owed, owedTo } from './callbackRows.ts'

export interface SenderPorts {
  history: Pick<EventStore, 'load'>
  views: () => ViewStore
  tenant: string
  post: Post
  /** Answers state machines that wait. Absent: they are not answered by this server. */
  tasks: Pick<TaskAnswers, 'finish'> | undefined
  isAllowed: (url: string) => boolean
  now: () => Instant
  log: Log
  counters: Counters
  /** After each failed attempt; then it is given up. */
  pausesMs: readonly number[]
}

/** One receiver: what is on its way to it, and when the next is due (undefined: nothing waits). */
interface Host {
  inFlight: Set<string>
  nextAt: Instant | undefined
}

interface Run extends SenderPorts {
  hosts: Map<string, Host>
  sending: Set<Promise<void>>
  pendingCount: number
  restored: PromiseWithResolvers<void>
  closing: AbortController
  bell: Bell
}

/** At once: in all, and to one receiver. */
const sendingCountMax = 8
const hostCountMax = 2
/** The clock may be set: nobody sleeps for longer than this. */
const sleepMsMax = 60_000
const outagePauseMs = 1_000
/** A receiver may ask for more patience, but not for more than this. */
const retryAfterMsMax = 3_600_000

/** Sends what is owed when it is due, to each receiver at its own pace. */
export const startCallbackSender = (ports: SenderPorts) => {
  const restored = Promise.withResolvers<void>()
  const own = { hosts: new Map(), sending: new Set<Promise<void>>(), pendingCount: 0, restored }
  const run: Run = { ...ports, ...own, closing: new AbortController(), bell: openBell() }
  const ended = loop(run)
  return {
    /** What was pending when the process before ended is known. */
    restored: run.restored.promise,
    pendingCount: () => run.pendingCount,
    /** Has been kept just now. */
    add: (owed: readonly Owed[]): void => {
      run.pendingCount += owed.length
      for (const each of owed) note(run, hostOf(each), each.nextAt)
      run.bell.ring()
    },
    stop: async (): Promise<void> => {
      run.closing.abort()
      run.bell.stop()
      await ended
      await Promise.all(run.sending)
    },
  }
}

const note = ({ hosts }: Run, name: string, nextAt: Instant): void => {
  const host = hosts.get(name) ?? { inFlight: new Set<string>(), nextAt: undefined }
  host.nextAt = host.nextAt === undefined ? nextAt : earlier(host.nextAt, nextAt)
  hosts.set(name, host)
}

const loop = async (run: Run): Promise<void> => {
  const { bell, log, counters } = run
  let isRestored = false
  while (!bell.isStopped()) {
    try {
      if (!isRestored) await restore(run)
      isRestored = true
      run.restored.resolve()
      await fill(run)
      await bell.rung(sleepMs(run))
    } catch (error) {
      const count = ++counters.callbackOutages
      log.error({ count, err: error }, 'callbacks cannot be sent, and are tried again')
      await bell.pause(outagePauseMs)
    }
  }
  run.restored.resolve()
}

/** What was pending when the process before ended. */
const restore = async (run: Run): Promise<void> => {
  run.pendingCount = 0
  for await (const page of allOwed(run.views(), run.tenant, 'pending')) {
    run.pendingCount += page.length
    for (const owed of page) note(run, hostOf(owed), owed.nextAt)
  }
}

const isOpen = ({ inFlight }: Host): boolean => inFlight.size < hostCountMax

const sleepMs = ({ hosts, sending, now }: Run): number => {
  if (sending.size >= sendingCountMax) return sleepMsMax
  const at = now()
  const waits = [...hosts.values()].flatMap((host) =>
    host.nextAt === undefined || !isOpen(host) ? [] : [Math.max(0, msBetween(at, host.nextAt))],
  )
  return Math.min(sleepMsMax, ...waits)
}

/** Begins what is due, as far as there is room for it; who was served goes to the end of the line. */
const fill = async (run: Run): Promise<void> => {
  const at = run.now()
  for (const [name, host] of Array.from(run.hosts)) {
    if (run.sending.size >= sendingCountMax) return
    if (host.nextAt === undefined || host.nextAt > at || !isOpen(host)) continue
    // What is noted meanwhile counts: it may have come too late for this look.
    host.nextAt = undefined
    const rows = await owedTo(run.views(), run.tenant, name, hostCountMax + 1).catch((error: unknown) => {
      note(run, name, at)
      throw error
    })
    const waiting = rows.filter(({ id }) => !host.inFlight.has(id))
    const room = Math.min(hostCountMax - host.inFlight.size, sendingCountMax - run.sending.size)
    const due = waiting.filter(({ nextAt }) => nextAt <= at).slice(0, room)
    const next = waiting[due.length]
    if (next !== undefined) note(run, name, next.nextAt)
    for (const owed of due) begin(run, host, owed)
    run.hosts.delete(name)
    if (host.nextAt !== undefined || host.inFlight.size > 0) run.hosts.set(name, host)
  }
}

const begin = (run: Run, host: Host, owed: Owed): void => {
  host.inFlight.add(owed.id)
  const done = deliver(run, owed)
    .catch(async (error: unknown) => {
      if (run.bell.isStopped()) return
      const count = ++run.counters.callbackOutages
      run.log.error({ ...factsOf(owed), count, err: error }, 'how a callback went cannot be noted: it is sent again')
      await run.bell.pause(outagePauseMs)
    })
    .finally(() => {
      host.inFlight.delete(owed.id)
      run.sending.delete(done)
      // There may be more than was seen when this began.
      note(run, hostOf(owed), run.now())
      run.bell.ring()
    })
  run.sending.add(done)
}

const factsOf = (owed: Owed) => ({
  eventId: owed.id,
  correlationId: owed.correlationId,
  host: hostOf(owed),
  attempt: owed.attemptCount + 1,
})

const deliver = async (run: Run, owed: Owed): Promise<void> => {
  const { counters, log, views } = run
  const posted = await attempt(run, owed)
  const next = after(run, owed, posted)
  await views().write([changeOf(next)])
  if (next.status !== 'pending') run.pendingCount -= 1
  if (posted.kind === 'taken') {
    counters.callbacksDelivered++
    return log.debug(factsOf(owed), 'a callback was taken')
  }
  const count = ++counters.callbackFailures
  const facts = { ...factsOf(owed), error: posted.error, count }
  if (next.status === 'pending') return log.warn({ ...facts, nextAt: next.nextAt }, 'a callback was not taken')
  counters.callbacksDead++
  log.error(facts, 'a callback was given up')
}

const attempt = async (run: Run, owed: Owed): Promise<Posted> => {
  const { history, isAllowed } = run
  const { url, stream, version } = owed
  if (url !== undefined && !isAllowed(url))
    return { kind: 'failed', error: 'callbackHosts does not allow its host', isFinal: true }
  const commits = await history.load(stream, { from: version, to: version })
  const event = commits.flatMap(eventsOf).find((each) => each.version === version)
  if (event === undefined) return { kind: 'failed', error: 'its event is not in history', isFinal: true }
  return url === undefined ? answerTask(run, owed, event) : postTo(url, run, owed, event)
}

const postTo = (url: string, { post, closing }: Run, { id, correlationId }: Owed, event: RecordedEvent) => {
  const { traceparent } = event
  const letter = { url, id, body: JSON.stringify(cloudEvent(event)), correlationId }
  return post(traceparent === undefined ? letter : { ...letter, traceparent }, closing.signal)
}

/** One that was noted while this server answered them waits until it does again, or is given up in its time. */
const answerTask = async ({ tasks, closing }: Run, { attemptCount }: Owed, event: RecordedEvent): Promise<Posted> =>
  tasks?.finish(event, attemptCount > 0, closing.signal) ?? {
    kind: 'failed',
    error: 'this server answers no task tokens: set taskTokens',
    isFinal: false,
  }

const after = ({ now, pausesMs }: Run, owed: Owed, posted: Posted): Owed => {
  const { error: _, ...rest } = owed
  const attemptCount = owed.attemptCount + 1
  const next = { ...rest, attemptCount, rowVersion: owed.rowVersion + 1 }
  if (posted.kind === 'taken') return { ...next, status: 'delivered' }
  const pauseMs = pausesMs[owed.attemptCount]
  const failed = { ...next, error: posted.error.slice(0, 1_000) }
  if (pauseMs === undefined || posted.isFinal) return { ...failed, status: 'dead' }
  const jittered = plusMs(now(), Math.round(pauseMs * (0.8 + Math.random() * 0.4)))
  const asked = plusMs(now(), Math.min(posted.retryAfterMs ?? 0, retryAfterMsMax))
  return { ...failed, nextAt: later(jittered, asked) }
}
