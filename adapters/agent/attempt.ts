import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { leaveTrace } from './leftOvers.ts'
import { shipLog } from './logShipper.ts'
import { type Report, report, sendLog } from './report.ts'
import type { Outcome, Running, Work } from './runner.ts'
import type { Claim, Session } from './session.ts'

/** Why we ended what ran; the first reason counts. */
type Stop = { because: 'cancelled' | 'timed-out' | 'abandoned'; detail: string }

/** One attempt that was claimed, until its report is taken. */
export interface Attempt {
  claim: Claim
  /** Runs it and reports it; resolves when nothing of it is left to do. Never rejects. */
  run(): Promise<void>
  /** Ends it, also before it has started. */
  stop(stop: Stop, graceMs: number): void
}

export const newAttempt = (session: Session, claim: Claim): Attempt => {
  let stopped: Stop | undefined
  let running: Running | undefined
  let ended = false
  const stop = (reason: Stop, graceMs: number): void => {
    if (ended) return
    stopped ??= reason
    running?.stop(graceMs)
  }
  const carryOut = async (home: string, work: Work): Promise<Outcome | undefined> => {
    if (stopped !== undefined) return undefined
    running = session.settings.runner.start(work)
    if (running.trace !== undefined) await leaveTrace(home, running.trace)
    const timeout = () => stop(timedOut(claim.timeoutMs), session.settings.killGraceMs)
    const timer = setTimeout(timeout, Math.min(claim.timeoutMs, timerMsMax))
    const outcome = await running.ended
    clearTimeout(timer)
    ended = true
    return outcome
  }
  const run = async (): Promise<void> => {
    const home = join(session.settings.workDir, claim.executionId, `${claim.taskName}-${claim.attempt}`)
    try {
      const work = await prepared(home, claim)
      const shipping = shipLog(work.logPath, sendLog(session, claim))
      const outcome = await carryOut(home, work)
      await shipping.finish()
      await report(session, claim, reportOf(outcome, stopped))
    } catch (error) {
      // The disk is full, the directory not ours: nothing that the test could be blamed for.
      await report(session, claim, {
        kind: 'fail',
        reason: `the agent could not: ${String(error)}`,
        infrastructure: true,
      })
    }
    await rm(home, { recursive: true, force: true }).catch(() => undefined)
  }
  return { claim, run, stop }
}

/** Longest that a timer can wait; tasks may take 30 days, and the server times them too. */
const timerMsMax = 2_147_483_647

const timedOut = (timeoutMs: number): Stop => ({
  because: 'timed-out',
  detail: `stopped after its timeout of ${timeoutMs} ms`,
})

const prepared = async (home: string, claim: Claim): Promise<Work> => {
  await rm(home, { recursive: true, force: true })
  const workDir = join(home, 'work')
  await mkdir(workDir, { recursive: true })
  const { executionId, taskName, attempt, benchId, phase, run, parameters = {}, commitSha } = claim
  const work = { executionId, taskName, attempt, benchId, phase, run, parameters, workDir, logPath: join(home, 'log') }
  return commitSha === undefined ? work : { ...work, commitSha }
}

/** What to tell the server. Being asked to end outweighs how the command then ended. */
const reportOf = (outcome: Outcome | undefined, stopped: Stop | undefined): Report => {
  if (stopped?.because === 'cancelled') return { kind: 'cancelled' }
  if (stopped !== undefined)
    return { kind: 'fail', reason: stopped.detail, infrastructure: stopped.because === 'abandoned' }
  if (outcome === undefined || outcome.kind === 'not-started')
    return {
      kind: 'fail',
      reason: `could not be started: ${outcome?.reason ?? 'no reason known'}`,
      infrastructure: true,
    }
  const { exitCode, signal, durationMs } = outcome
  if (exitCode === 0) return { kind: 'complete', result: { exitCode, durationMs } }
  const how = exitCode === null ? `was ended by ${signal}` : `exited with ${exitCode}`
  return { kind: 'fail', reason: `${how} after ${durationMs} ms`, infrastructure: false }
}
