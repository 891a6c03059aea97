import type { Outcome } from '../domain/handle.ts'
import type { EventStore, FeedPage, ViewStore } from '../domain/ports.ts'
import { type Reaction, reactionsTo } from '../projections/react.ts'
import { type Bell, openBell } from './bell.ts'
import type { Counters } from './counters.ts'
import { sendInLanes } from './lanes.ts'
import type { Log } from './log.ts'
import { openPace, type Pace } from './pace.ts'
import type { Progress } from './progress.ts'
import { positionOf } from './views/projector.ts'

/** How far the policies have come is kept under this name. */
export const reactConsumer = 'react'

export interface ReactorPorts {
  history: Pick<EventStore, 'feed'>
  views: () => ViewStore
  /** Policies see no event before the views have. */
  projectedTo: () => string | undefined
  send: (reaction: Reaction) => Promise<Outcome>
  /** Keeps a command that was given up; when that fails too, the batch is done again. */
  putAside: (reaction: Reaction, error: unknown) => Promise<void>
  log: Log
  counters: Counters
  progress: Progress
  /** Between the attempts at one command; then it is given up. Default 50 ms to 5 s, five attempts. */
  pausesMs?: readonly number[] | undefined
}

interface Run extends ReactorPorts {
  cursor: string | undefined
  savedAt: number
  /** Pages fresh from the projector, so that they need not be read twice. */
  handed: { after: string | undefined; page: FeedPage }[]
  bell: Bell
  pace: Pace
}

const handedCountMax = 100
const pageCountMax = 500
/** A restart goes through so many commits again at most. */
const unsavedCountMax = 1_000
const outagePauseMs = 1_000

/** Sends what policies answer to events, a batch at a time, after the views have seen it. */
export const startReactor = (ports: ReactorPorts, cursor: string | undefined) => {
  const run: Run = { ...ports, cursor, savedAt: positionOf(cursor), handed: [], bell: openBell(), pace: openPace() }
  const ended = loop(run)
  return {
    cursor: () => run.cursor,
    /** A page is in the views. */
    offer: (after: string | undefined, page: FeedPage): void => {
      if (run.handed.length < handedCountMax) run.handed.push({ after, page })
      run.bell.ring()
    },
    stop: async (): Promise<void> => {
      run.bell.stop()
      await ended
    },
  }
}

const loop = async (run: Run): Promise<void> => {
  const { bell, log, counters } = run
  while (!bell.isStopped()) {
    try {
      if (!(await step(run))) await bell.rung()
    } catch (error) {
      if (bell.isStopped()) break
      const count = ++counters.reactionFailures
      log.error({ cursor: run.cursor, count, err: error }, 'the policies cannot get on, and try again')
      await bell.pause(outagePauseMs)
    }
  }
}

const step = async (run: Run): Promise<boolean> => {
  const page = handedPage(run) ?? (await ownPage(run))
  if (page === undefined || page.commits.length === 0) return false
  const commits = page.commits.map(({ commit }) => commit)
  const reactions = await reactionsTo(run.views(), commits)
  await sendInLanes(reactions, (reaction) => send(run, reaction))
  run.cursor = page.cursor
  const position = positionOf(page.cursor)
  if (reactions.length > 0 || position - run.savedAt >= unsavedCountMax) {
    await run.views().saveCheckpoint(reactConsumer, page.cursor)
    run.savedAt = position
  }
  run.progress.happened()
  return true
}

/** All pages that have come in the meantime, as one: what several events call for is done once. */
const handedPage = (run: Run): FeedPage | undefined => {
  const commits: FeedPage['commits'][number][] = []
  let { cursor } = run
  for (let next = run.handed[0]; next !== undefined && commits.length < pageCountMax; next = run.handed[0]) {
    if (positionOf(next.after) > positionOf(cursor)) break
    run.handed.shift()
    if (positionOf(next.after) < positionOf(cursor)) continue
    commits.push(...next.page.commits)
    cursor = next.page.cursor
  }
  return cursor === undefined || commits.length === 0 ? undefined : { commits, cursor }
}

/** What was not handed over: after a restart, or in a rush. */
const ownPage = async ({ history, pace, cursor, projectedTo }: Run): Promise<FeedPage | undefined> => {
  const count = Math.min(pace.batch(), positionOf(projectedTo()) - positionOf(cursor))
  if (count <= 0) return undefined
  await pace.turn()
  const page = await pace.timed(() => history.feed(cursor, count))
  pace.learn(page.commits.length)
  return page
}

const defaultPausesMs = [50, 200, 1_000, 5_000]

/** Refusals are normal: what the policy wanted may long have happened, or have become pointless. */
const send = async (run: Run, reaction: Reaction): Promise<void> => {
  const { log, counters, bell } = run
  const { policy, commandId, correlationId } = reaction
  const pausesMs = [...(run.pausesMs ?? defaultPausesMs), undefined]
  for (const pauseMs of pausesMs) {
    try {
      counters.reactions++
      const outcome = await run.send(reaction)
      if (outcome.kind === 'contended') throw new Error(`lost ${outcome.attempts} races in a row`)
      const rejection = outcome.kind === 'refused' ? outcome.rejection.rejection : undefined
      log.debug({ policy, commandId, correlationId, outcome: outcome.kind, rejection }, 'a policy has acted')
      return
    } catch (error) {
      const count = ++counters.reactionFailures
      log.warn({ policy, commandId, correlationId, count, err: error }, 'a policy’s command has failed')
      if (pauseMs === undefined) return putAside(run, reaction, error)
      await bell.pause(pauseMs)
      if (bell.isStopped()) throw error
    }
  }
}

const putAside = async (run: Run, reaction: Reaction, error: unknown): Promise<void> => {
  const { policy, commandId, correlationId } = reaction
  await run.putAside(reaction, error)
  const count = run.counters.reactionFailures
  run.log.error(
    { policy, commandId, correlationId, count, err: error },
    'a policy’s command was given up and put aside',
  )
}
