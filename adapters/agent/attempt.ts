import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Course, hanging, newCourse, type Stop } from './course.ts'
import { environmentOf } from './environment.ts'
import { powerOff, startHook } from './hooks.ts'
import { leaveTrace, markHome } from './leftOvers.ts'
import { shipLog } from './logShipper.ts'
import { type Report, report, sendLog } from './report.ts'
import type { Outcome, Running, Work } from './runner.ts'
import type { Claim, Session } from './session.ts'
import { deliver } from './uploads.ts'
import { reportOf } from './verdict.ts'

/** One attempt that was claimed, until its report is taken. */
export interface Attempt {
  claim: Claim
  /** Runs it and reports it; resolves when nothing of it is left to do. Never rejects. */
  run(): Promise<void>
  /** Ends it, also before it has started. */
  stop(stop: Stop, graceMs: number): void
}

export const newAttempt = (session: Session, claim: Claim): Attempt => {
  const course = newCourse()
  /** Aborts when nobody waits for the rest any longer. */
  const late = new AbortController()
  const stop = (reason: Stop, graceMs: number): void => {
    course.stop(reason, graceMs)
    if (reason.reportBy !== undefined)
      setTimeout(() => late.abort(), Math.max(0, reason.reportBy - performance.now())).unref()
  }
  const run = async (): Promise<void> => {
    const home = join(session.settings.workDir, claim.executionId, `${claim.taskName}-${claim.attempt}`)
    // Given while the lease was lapsing: somebody else may have the bench by now.
    if (!(await session.fence.held())) return
    try {
      await carryOut({ session, claim, course, home, late: late.signal })
    } catch (error) {
      // The disk is full, the directory not ours: nothing that the test could be blamed for.
      const reason = `the agent could not: ${String(error)}`
      session.settings.alarm('an attempt could not be carried out', { ...claim, run: undefined, reason })
      await report(session, claim, { kind: 'fail', reason, infrastructure: true })
    }
    await rm(home, { recursive: true, force: true }).catch((error: unknown) =>
      session.settings.note('a directory stays', { home, reason: String(error) }),
    )
  }
  return { claim, run, stop }
}

interface Parts {
  session: Session
  claim: Claim
  course: Course
  home: string
  late: AbortSignal
}

const carryOut = async (parts: Parts): Promise<void> => {
  const { session, claim, home } = parts
  const work = await prepared(home, claim)
  const shipping = shipLog(work.logPath, sendLog(session, claim))
  let told: Report
  try {
    told = await carriedOut(parts, work)
  } finally {
    await shipping.finish()
  }
  await report(session, claim, told)
}

const carriedOut = async (parts: Parts, work: Work): Promise<Report> => {
  const { session, claim, course } = parts
  const { outcome, stopped } = await ran(parts, work)
  if (outcome === hanging) session.settings.alarm('what can not be ended may still use its bench', { ...claim })
  if (course.isFenced() || outcome === hanging) await powerOff(session.settings, claim.benchId)
  const isNotWanted = AbortSignal.any([session.lost, parts.late])
  return reportOf(outcome, stopped, await deliver(session, claim, work, isNotWanted))
}

/** Provisioning, the run, teardown: the outcome, and why it was asked to end before it had one. */
const ran = async ({ session, claim, course, home }: Parts, work: Work) => {
  const { runner, killGraceMs } = session.settings
  const timer = setTimeout(
    () => course.stop(timedOut(claim.timeoutMs), killGraceMs),
    Math.min(claim.timeoutMs, timerMsMax),
  )
  const provisioned = await provision(session, course, home, work)
  const outcome =
    provisioned?.kind === 'errored' ? provisioned : await course.step(() => traced(home, 'run', runner.start(work)))
  clearTimeout(timer)
  const stopped = course.stopped()
  await tearDown(session, course, home, work)
  course.close()
  return { outcome, stopped }
}

/** Longest that a timer can wait; tasks may take 30 days, and the server times them too. */
const timerMsMax = 2_147_483_647

const timedOut = (timeoutMs: number): Stop => ({
  because: 'timed-out',
  detail: `stopped after its timeout of ${timeoutMs} ms`,
})

const provision = async (session: Session, course: Course, home: string, work: Work): Promise<Outcome | undefined> => {
  const { provision: command, timeoutMs } = session.settings.hooks
  if (command === undefined) return undefined
  return course.step(() => traced(home, 'hook', startHook(hookOf('provision', command, timeoutMs, work))))
}

/** With what is left of the lease once the agent has fenced itself; not at all once somebody else has the session. */
const tearDown = async (session: Session, course: Course, home: string, work: Work): Promise<void> => {
  const { hooks, note } = session.settings
  if (hooks.teardown === undefined) return
  const isFenced = course.isFenced() || course.stopped()?.because === 'fenced'
  const timeoutMs = isFenced ? Math.min(hooks.timeoutMs, Math.floor(session.fence.leftMs())) : hooks.timeoutMs
  if (session.lost.aborted || timeoutMs <= 0) {
    note('no time is left for the teardown hook', { benchId: work.benchId })
    return
  }
  const hook = hookOf('teardown', hooks.teardown, timeoutMs, work)
  const outcome = await course.last(() => traced(home, 'hook', startHook(hook)))
  if (outcome.kind !== 'passed')
    session.settings.alarm('a bench was not put to rest', { benchId: work.benchId, ...outcome })
}

const hookOf = (name: string, command: string, timeoutMs: number, work: Work) => {
  const { workDir: cwd, logPath } = work
  return { name, command, timeoutMs, cwd, env: environmentOf(work), logPath }
}

/** What leaves no trace is ended: should this life be killed, the next would not find it on the bench. */
const traced = (home: string, by: 'run' | 'hook', running: Running): Running => {
  const { ended, trace } = running
  const stop = (graceMs: number): void => running.stop(graceMs)
  try {
    if (trace !== undefined) leaveTrace(home, by, trace)
    return running
  } catch (error) {
    stop(0)
    const outcome: Outcome = { kind: 'errored', reason: `what was started can not be noted: ${String(error)}` }
    return { ended: ended.then(() => outcome), stop }
  }
}

const prepared = async (home: string, claim: Claim): Promise<Work> => {
  await rm(home, { recursive: true, force: true })
  const [workDir, artifactsDir] = [join(home, 'work'), join(home, 'artifacts')]
  await mkdir(workDir, { recursive: true })
  await mkdir(artifactsDir)
  markHome(home)
  const { executionId, taskName, attempt, benchId, phase, run, parameters = {}, commitSha } = claim
  const places = { workDir, artifactsDir, logPath: join(home, 'log') }
  const work = { executionId, taskName, attempt, benchId, phase, run, parameters, ...places }
  return commitSha === undefined ? work : { ...work, commitSha }
}
