import { setTimeout as sleep } from 'node:timers/promises'
import { type Commit, lastVersion } from '../../domain/event.ts'
import type { Outcome } from '../../domain/handle.ts'
import { eventId, partsOf, type StreamName } from '../../domain/ids.ts'
import { policies as allPolicies } from '../../domain/policies/all.ts'
import type { EventStore, ViewStore } from '../../domain/ports.ts'
import { failedAt, type QueueHandler, type QueueRecord } from '../../projections/handler.ts'
import { type Reaction, reactionsTo } from '../../projections/react.ts'
import { viewsOf } from '../../projections/views.ts'
import type { Counters } from '../counters.ts'
import { sendInLanes } from '../lanes.ts'
import type { Log } from '../log.ts'
import { damageTold } from './damage.ts'
import { positionIn } from './notice.ts'

export interface ReactConsumerPorts {
  /** What policies conclude from what is not there has to be so: rejects while the rows are not whole. */
  wholeViews: () => Promise<Pick<ViewStore, 'read' | 'query'>>
  history: Pick<EventStore, 'load' | 'scan'>
  send: (reaction: Reaction) => Promise<Outcome>
  log: Log
  counters: Counters
  /** So long the views are waited for in one batch; then the message comes again. Default 20 000. */
  waitMs?: number
  /** How often they are looked at meanwhile. Default 100. */
  lookEveryMs?: number
  /** Between the attempts at one command; then its message comes again, minutes later. Default 50 ms to 5 s, five attempts. */
  pausesMs?: readonly number[]
}

const defaultPausesMs = [50, 200, 1_000, 5_000]
/** From the begin of a batch: no attempt but the first begins later. The function has a minute. */
const attemptsMs = 40_000

/** The types of events that any policy watches: what the bus needs to send on, and nothing else. */
export const watchedTypes: readonly string[] = [...new Set(allPolicies.flatMap(({ on }) => on))].sort()

/** An event that a message has told of, as history has it. */
interface Told {
  messageId: string
  /** Of this one event. */
  commit: Commit
}

/**
 * Sends what policies answer to the events of a batch, once the views have seen them. A message tells only where its event
 * is: history itself is read, so that a notice which somebody forged has no effect. A message that fails comes again alone,
 * in the end to the queue's own dead letters.
 */
export const openReactConsumer =
  (ports: ReactConsumerPorts): QueueHandler =>
  async ({ Records }) => {
    const failed = new Set<string>()
    const endsAt = performance.now() + attemptsMs
    const fail = (messageId: string, error: unknown, facts: object = {}): void => {
      failed.add(messageId)
      const count = ++ports.counters.reactionFailures
      ports.log.warn(
        { messageId, ...facts, count, err: error },
        'the policies cannot answer an event, which comes again',
      )
    }
    const views = await ports.wholeViews()
    const told = await readAll(ports, Records, fail)
    const seen = await seenOf(ports, views, told)
    for (const { messageId, commit } of told)
      if (!seen.has(messageId)) fail(messageId, new Error('the views are behind'), factsOf(commit))
    const ready = told.filter(({ messageId }) => seen.has(messageId))
    const byEvent = new Map(ready.map(({ messageId, commit }) => [nameOf(commit.stream, commit.version), messageId]))
    const reactions = await reactionsTo(
      views,
      ready.map(({ commit }) => commit),
    )
    await sendInLanes(reactions, async (reaction) => {
      const { tenant, causationId, policy, commandId, correlationId } = reaction
      const error = await sent(ports, reaction, endsAt)
      if (error === undefined) return
      const messageId = byEvent.get(`${tenant}/${causationId}`)
      if (messageId === undefined) throw new Error(`no message has told of ${causationId}`, { cause: error })
      fail(messageId, error, { policy, commandId, correlationId })
    })
    return failedAt(...failed)
  }

type Fail = (messageId: string, error: unknown, facts?: object) => void

const nameOf = (stream: StreamName, version: number): string => `${partsOf(stream).tenant}/${eventId(stream, version)}`

const factsOf = ({ stream, version, correlationId }: Commit) => ({ stream, version, correlationId })

/** Why it failed in the end, or undefined. */
const sent = async (ports: ReactConsumerPorts, reaction: Reaction, endsAt: number): Promise<unknown> => {
  const { pausesMs = defaultPausesMs } = ports
  for (let attempt = 0; ; attempt++) {
    const error = await sentOnce(ports, reaction)
    const pauseMs = pausesMs[attempt]
    if (error === undefined || pauseMs === undefined || performance.now() + pauseMs > endsAt) return error
    await sleep(pauseMs)
  }
}

/** Why it failed, or undefined. Refusals are normal: what the policy wanted may have happened, or have become pointless. */
const sentOnce = async ({ send, log, counters }: ReactConsumerPorts, reaction: Reaction): Promise<unknown> => {
  const { policy, commandId, correlationId } = reaction
  counters.reactions++
  try {
    const outcome = await send(reaction)
    if (outcome.kind === 'contended') return new Error(`lost ${outcome.attempts} races in a row`)
    const rejection = outcome.kind === 'refused' ? outcome.rejection.rejection : undefined
    log.debug({ policy, commandId, correlationId, outcome: outcome.kind, rejection }, 'a policy has acted')
    return undefined
  } catch (error) {
    return error ?? new Error('failed')
  }
}

const readAll = async (
  { history }: ReactConsumerPorts,
  records: readonly QueueRecord[],
  fail: Fail,
): Promise<readonly Told[]> => {
  const load = damageTold(history)
  const told = await Promise.all(
    records.map(async ({ messageId, body }) => {
      try {
        const { stream, version } = positionIn(body)
        return [{ messageId, commit: await eventOf(load, stream, version) }]
      } catch (error) {
        fail(messageId, error, { body: body.slice(0, 200) })
        return []
      }
    }),
  )
  return told.flat()
}

/** The commit as if it held this event only: each of its events has a message of its own. */
const eventOf = async (load: EventStore['load'], stream: StreamName, version: number): Promise<Commit> => {
  const [commit] = await load(stream, { from: version, to: version })
  const event = commit?.events[version - commit.version]
  if (commit === undefined || event === undefined) throw new Error(`${stream} has no version ${version}`)
  return { ...commit, version, events: [event] }
}

/** Waits until the rows of the events' own streams have come to them, for so long. */
const seenOf = async (
  { waitMs = 20_000, lookEveryMs = 100 }: ReactConsumerPorts,
  views: Pick<ViewStore, 'read'>,
  told: readonly Told[],
): Promise<ReadonlySet<string>> => {
  const seen = new Set<string>()
  const endsAt = performance.now() + waitMs
  for (;;) {
    const waiting = told.filter(({ messageId }) => !seen.has(messageId))
    for (const { messageId, commit } of waiting) if (await isSeen(views, commit)) seen.add(messageId)
    if (seen.size === told.length || performance.now() + lookEveryMs > endsAt) return seen
    await sleep(lookEveryMs)
  }
}

const isSeen = async (views: Pick<ViewStore, 'read'>, commit: Commit): Promise<boolean> => {
  const { tenant, kind, id } = partsOf(commit.stream)
  for (const { name } of viewsOf(kind)) {
    const [row] = await views.read(name, tenant, [id])
    if ((row?.version ?? 0) < lastVersion(commit)) return false
  }
  return true
}
