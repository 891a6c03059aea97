import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Course, hanging, newCourse, type Stop } from './course.ts'
import { environmentOf } from './environment.ts'
import type { GuardedAttempt } from './guarded.ts'
import { powerOff, startHook } from './hooks.ts'
import { leaveTrace, markHome } from './leftOvers.ts'
import { shipLog } from './logShipper.ts'
import { type Report, report, sendLog } from './report.ts'
import type { Outcome, Running, Work } from './runner.ts'
import { type Claim, nameOf, type Session } from './session.ts'
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
    await session.guard.ready()
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

/** What is done to its bench is done under guard. */
interface Guarded extends Parts {
  guarded: GuardedAttempt
}

const carryOut = async (parts: Parts): Promise<void> => {
  const { session, claim, home } = parts
  const work = await prepared(home, claim)
  const shipping = shipLog(work.logPath, sendLog(session, claim))
  let told: Report
  try {
    told = await carriedOut(parts, work)
  } finally {
    // The log is no part of the outcome.
    await shipping
      .finish()
      .catch((error: unknown) =>
        session.settings.alarm('a log could not be sent whole', { ...nameOf(claim), reason: String(error) }),
      )
  }
  await report(session, claim, told)
}

const carriedOut = async (parts: Parts, work: Work): Promise<Report> => {
  const { session, claim } = parts
  const { outcome, stopped } = await onBench(parts, work)
  const isNotWanted = AbortSignal.any([session.lost, parts.late])
  const delivered = await deliver(session, claim, work, isNotWanted).catch((error: unknown) => {
    // What a command has made of its directories does not change how it ended.
    session.settings.alarm('what an attempt left can not be uploaded', { ...nameOf(claim), reason: String(error) })
    return { artifacts: [], reports: undefined }
  })
  return reportOf(outcome, stopped, delivered)
}

/** All that is done to the bench. */
const onBench = async (parts: Parts, work: Work) => {
  const { session, claim, course } = parts
  const { benchId, executionId, taskName, attempt } = claim
  const guarded = session.guard.watch({ name: `${executionId}/${taskName}/${attempt}`, benchId })
  try {
    const ended = await ran({ ...parts, guarded }, work)
    const isHanging = ended.outcome === hanging
    if (isHanging) session.settings.alarm('what can not be ended may still use its bench', { ...claim })
    if ((course.isFenced() || isHanging) && !(await guarded.isPoweredOff()))
      await powerOff(session.settings, benchId, guarded.over)
    return ended
  } finally {
    guarded.over()
  }
}

/** Provisioning, the run, teardown: the outcome, and why it was asked to end before it had one. */
const ran = async (parts: Guarded, work: Work) => {
  const { session, claim, course } = parts
  const { runner, killGraceMs } = session.settings
  const timer = setTimeout(
    () => course.stop(timedOut(claim.timeoutMs), killGraceMs),
    Math.min(claim.timeoutMs, timerMsMax),
  )
  const provisioned = await provision(parts, work)
  const outcome =
    provisioned?.kind === 'errored' ? provisioned : await course.step(() => traced(parts, 'run', runner.start(work)))
  clearTimeout(timer)
  const stopped = course.stopped()
  await tearDown(parts, work)
  course.close()
  return { outcome, stopped }
}

/** Longest that a timer can wait; tasks may take 30 days, and the server times them too. */
const timerMsMax = 2_147_483_647

const timedOut = (timeoutMs: number): Stop => ({
  because: 'timed-out',
  detail: `stopped after its timeout of ${timeoutMs} ms`,
})

const provision = async (parts: Guarded, work: Work): Promise<Outcome | undefined> => {
  const { provision: command, timeoutMs } = parts.session.settings.hooks
  if (command === undefined) return undefined
  return parts.course.step(() => traced(parts, 'hook', startHook(hookOf('provision', command, timeoutMs, work))))
}

/** With what is left of the lease once the agent has fenced itself; not at all once somebody else has the session. */
const tearDown = async (parts: Guarded, work: Work): Promise<void> => {
  const { session, course } = parts
  const { hooks, note } = session.settings
  if (hooks.teardown === undefined) return
  const isFenced = course.isFenced() || course.stopped()?.because === 'fenced'
  const timeoutMs = isFenced ? Math.min(hooks.timeoutMs, Math.floor(session.guard.leftMs())) : hooks.timeoutMs
  if (session.lost.aborted || timeoutMs <= 0) {
    note('no time is left for the teardown hook', { benchId: work.benchId })
    return
  }
  const hook = hookOf('teardown', hooks.teardown, timeoutMs, work)
  const outcome = await course.last(() => traced(parts, 'hook', startHook(hook)))
  if (outcome.kind !== 'passed')
    session.settings.alarm('a bench was not put to rest', { benchId: work.benchId, ...outcome })
}

const hookOf = (name: string, command: string, timeoutMs: number, work: Work) => {
  const { workDir: cwd, logPath } = work
  return { name, command, timeoutMs, cwd, env: environmentOf(work), logPath }
}

/** What leaves no trace is ended: should this life be killed, the next would not find it on the bench. */
const traced = ({ home, guarded }: Guarded, by: 'run' | 'hook', running: Running): Running => {
  const { ended, trace } = running
  const stop = (graceMs: number): void => running.stop(graceMs)
  try {
    if (trace === undefined) return running
    guarded.started(trace)
    leaveTrace(home, by, trace)
    const over = Promise.resolve(ended).finally(() => guarded.ended(trace))
    return { ended: over, stop }
  } catch (error) {
    stop(0)
    const outcome: Outcome = { kind: 'errored', reason: `what was started can not be noted: ${String(error)}` }
    return { ended: ended.then(() => outcome), stop }
  }
}

const prepared = async (home: string, claim: Claim): Promise<Work> => {
  await rm(home, { recursive: true, force: true })
  // What is the agent's own lies above, where a command that clears up after itself does not come.
  const [workDir, artifactsDir] = [join(home, 'files', 'work'), join(home, 'files', 'artifacts')]
  await mkdir(workDir, { recursive: true })
  await mkdir(artifactsDir)
  markHome(home)
  const { executionId, taskName, attempt, benchId, phase, run, parameters = {}, commitSha } = claim
  const places = { workDir, artifactsDir, logPath: join(home, 'log') }
  const work = { executionId, taskName, attempt, benchId, phase, run, parameters, ...places }
  return commitSha === undefined ? work : { ...work, commitSha }
}
