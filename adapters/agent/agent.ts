import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOutage, isUnreachable } from '../client/problem.ts'
import { jitteredWaitMs } from '../client/retry.ts'
import type { Attempts } from './attempts.ts'
import { fateOf } from './fate.ts'
import { newGuard } from './guarded.ts'
import { type Life, type LifeEnd, live } from './life.ts'
import type { AgentEnd, AgentSettings } from './settings.ts'

export interface Agent {
  /** Rejects with `Unreachable` when the server could not be reached in the beginning. */
  ended: Promise<AgentEnd>
  /** Claims nothing more, lets what runs come to its end, closes the session. */
  drain(): void
  /** Like `drain`, but ends what runs. */
  stop(): void
}

/**
 * A worker: enrols, serves its benches and runs what it is given until it is told to end. A session that was lost is followed
 * by a new one, unless another agent of the same name has one by then (two of them must not take it from each other for
 * ever) or an operator has closed it.
 */
export const startAgent = (given: AgentSettings): Agent => {
  // Commands run elsewhere, and are told where their things are.
  const settings = { ...given, workDir: resolve(given.workDir) }
  const guard = newGuard(settings)
  const draining = new AbortController()
  const stopping = new AbortController()
  let attempts: Attempts | undefined
  const drain = (why: string): void => {
    if (draining.signal.aborted) return
    const count = attempts?.listed().length ?? 0
    const runs = count === 0 ? 'nothing runs' : `${count} attempt${count === 1 ? ' runs' : 's run'}`
    settings.note(`draining, ${why}: ${runs}${count === 0 ? '' : '; Ctrl-C again stops what runs'}`)
    draining.abort()
  }
  const onOpen = (opened: Attempts): void => {
    attempts = opened
  }
  const life = { settings, guard, draining: draining.signal, drain, stopping: stopping.signal, onOpen }
  return {
    ended: guardedLives(life),
    drain: () => drain('as asked'),
    stop: () => {
      drain('as asked')
      settings.note('stopping what runs')
      stopping.abort()
    },
  }
}

/** A session that lived for so long was no failure. */
const goodLifeMs = 60_000

const guardedLives = async (each: Omit<Life, 'openForMs'>): Promise<AgentEnd> => {
  try {
    return await lives(each)
  } finally {
    await each.guard.close()
  }
}

const lives = async (each: Omit<Life, 'openForMs'>): Promise<AgentEnd> => {
  const { settings, draining } = each
  let end = await live({ ...each, openForMs: settings.connectForMs })
  for (let tryCount = 1; end.kind === 'lost'; tryCount++) {
    const { detail, epoch } = end
    const fate = await fateOf(settings, epoch, draining)
    if (fate.kind === 'superseded') return { kind: 'lost', detail: `another agent of this name has session ${fate.by}` }
    if (fate.kind === 'forced') return { kind: 'lost', detail: 'it was closed by force' }
    if (fate.kind === 'drained' || draining.aborted) return { kind: 'drained' }
    settings.alarm('the session was lost: another is opened', { epoch, detail })
    await sleep(jitteredWaitMs(tryCount), undefined, { signal: draining }).catch(() => undefined)
    const bornAt = performance.now()
    end = await born(each)
    if (performance.now() - bornAt > goodLifeMs) tryCount = 0
  }
  return end
}

/** Later lives wait for the server for as long as it takes. */
const born = async (each: Omit<Life, 'openForMs'>): Promise<LifeEnd> => {
  for (let tryCount = 1; ; tryCount++) {
    try {
      const end = await live({ ...each, openForMs: 60_000 })
      if (end.kind !== 'refused' || !isOutage(end.problem)) return end
    } catch (error) {
      if (!isUnreachable(error)) throw error
    }
    each.settings.note('the server does not answer, trying again')
    await sleep(jitteredWaitMs(tryCount), undefined, { signal: each.draining }).catch(() => undefined)
    if (each.draining.aborted) return { kind: 'drained' }
  }
}
