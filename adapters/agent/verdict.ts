import type { Stop } from './course.ts'
import { type Report as Reports, told } from './junit.ts'
import type { Report } from './report.ts'
import type { Outcome } from './runner.ts'

/** What came of it besides its outcome. */
export interface Delivered {
  /** Those that the server has. */
  artifacts: readonly string[]
  reports: Reports | undefined
}

/**
 * What to tell the server. Being asked to end outweighs how the run then ended; the runner's outcome decides whether it
 * passed, and JUnit reports are only counted: a run may know failures that it accepts.
 */
export const reportOf = (outcome: Outcome | undefined, stopped: Stop | undefined, delivered: Delivered): Report => {
  const result = resultOf(outcome?.result, delivered.reports)
  if (stopped?.because === 'cancelled') return { kind: 'cancelled' }
  if (stopped !== undefined)
    return { kind: 'fail', reason: stopped.detail, infrastructure: stopped.because !== 'timed-out', ...result }
  if (outcome === undefined) return { kind: 'fail', reason: 'it was not run', infrastructure: true }
  if (outcome.kind === 'passed') return { kind: 'complete', ...result, artifacts: delivered.artifacts }
  const tests = delivered.reports === undefined ? undefined : told(delivered.reports)
  const reason = [outcome.reason, tests].filter((each) => each !== undefined).join('; ')
  return { kind: 'fail', reason, infrastructure: outcome.kind === 'errored', ...result }
}

/** The runner's own with `tests` beside it; what is no object goes into a member. */
const resultOf = (own: unknown, reports: Reports | undefined): { result?: unknown } => {
  if (reports === undefined) return own === undefined ? {} : { result: own }
  const isObject = typeof own === 'object' && own !== null && !Array.isArray(own)
  return { result: { ...(isObject ? own : own === undefined ? {} : { result: own }), tests: reports.tests } }
}
