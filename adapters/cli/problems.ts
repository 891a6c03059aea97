import type { Problem } from '../client/problem.ts'
import { type Exit, type ExitCode, exit, exits } from './exits.ts'
import { plain } from './plain.ts'
import { shownInstant } from './times.ts'

/** What a refusal means for the process, and how it is told to people. */

const codes: Readonly<Record<string, ExitCode>> = {
  'invalid-request': exits.usage,
  'too-large': exits.usage,
  'unsupported-media-type': exits.usage,
  'internal-error': exits.failed,
  'history-damaged': exits.broken,
  'stale-epoch': exits.lost,
  overloaded: exits.unreachable,
  contended: exits.unreachable,
  'storage-unavailable': exits.unreachable,
  'view-behind': exits.unreachable,
}

/** A domain's no is `refused`; an answer that is no problem document comes from something between us and the server. */
const exitCodeOf = ({ code }: Problem): ExitCode =>
  codes[code] ?? (/^http-[1-9]/.test(code) ? exits.unreachable : exits.refused)

export const exitOf = (problem: Problem, now: Date): Exit => {
  const [only, ...more] = problem.errors ?? []
  const detail = only === undefined || more.length > 0 ? problem.detail : `${labelled(only)}${only.message}`
  const errors = more.length > 0 ? (problem.errors ?? []).map((error) => `  ${labelled(error)}${error.message}`) : []
  const lines = [...errors, ...conflicts(problem, now), ...offers(problem, now), ...excluded(problem)]
  return Object.assign(exit(exitCodeOf(problem), `${problem.code}: ${detail}`, lines.map(plain)), { problem })
}

const labelled = ({ path }: { path: string }): string => (path === '' ? '' : `${path}: `)

const listOf = (problem: Problem, name: string): readonly Record<string, unknown>[] =>
  Array.isArray(problem[name]) ? (problem[name] as Record<string, unknown>[]) : []

const window = (start: unknown, end: unknown, now: Date): string =>
  `${shownInstant(String(start), now)} – ${shownInstant(String(end), now)}`

const conflicts = (problem: Problem, now: Date): readonly string[] =>
  listOf(problem, 'conflicts').map(
    ({ benchId, start, end, reservationId, holder }) =>
      `  taken: ${String(benchId)}  ${window(start, end, now)}  by ${String(holder)} (${String(reservationId)})`,
  )

const offers = (problem: Problem, now: Date): readonly string[] =>
  listOf(problem, 'offers').map(
    ({ benchIds, start, end }) =>
      `  free:  ${Array.isArray(benchIds) ? benchIds.join(', ') : String(benchIds)}  ${window(start, end, now)}`,
  )

const excluded = (problem: Problem): readonly string[] => {
  const counts = problem['exclusionCounts']
  if (typeof counts !== 'object' || counts === null) return []
  return Object.entries(counts).map(([reason, count]) => `  excluded: ${String(count)} × ${reason}`)
}
