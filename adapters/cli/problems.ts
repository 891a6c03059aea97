import type { Problem } from '../client/problem.ts'
import { type Exit, type ExitCode, exit, exits } from './exits.ts'
import { asTyped, type Fault, type NameOf } from './faults.ts'
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
  'identity-unavailable': exits.unreachable,
  'view-behind': exits.unreachable,
}

/** A domain's no is `refused`; an answer that is no problem document comes from something between us and the server. */
const exitCodeOf = ({ code }: Problem): ExitCode =>
  codes[code] ?? (/^http-[1-9]/.test(code) ? exits.unreachable : exits.refused)

/** `nameOf`: what the members at fault were typed as. */
export const exitOf = (problem: Problem, now: Date, nameOf: NameOf = (path) => path): Exit => {
  const faults = (problem.errors ?? []).map((fault) => labelled(asTyped(fault, nameOf)))
  const [only = problem.detail, ...more] = faults
  const detail = more.length > 0 ? `${faults.length} faults` : only
  const errors = more.length > 0 ? faults.map((fault) => `  ${fault}`) : []
  const lines = [
    ...errors,
    ...conflicts(problem, now),
    ...offers(problem, now),
    ...excluded(problem),
    ...whose(problem),
  ]
  return Object.assign(exit(exitCodeOf(problem), `${problem.code}: ${detail}`, lines.map(plain)), { problem })
}

const whose = ({ code }: Problem): readonly string[] =>
  code === 'unauthenticated' ? ['  the token that is sent is the one in BENCHPLANE_TOKEN'] : []

const labelled = ({ path, message }: Fault): string => (path === '' ? message : `${path}: ${message}`)

const listOf = (problem: Problem, name: string): readonly Record<string, unknown>[] =>
  Array.isArray(problem[name]) ? (problem[name] as Record<string, unknown>[]) : []

const window = (start: unknown, end: unknown, now: Date): string =>
  `${shownInstant(String(start), now)} – ${shownInstant(String(end), now)}`

const conflicts = (problem: Problem, now: Date): readonly string[] =>
  listOf(problem, 'conflicts').map((conflict) => {
    const { benchId, start, end, reservationId, holder } = conflict
    const by = `by ${String(holder)} (${String(reservationId)})`
    return `  taken: ${String(benchId)}  ${window(start, end, now)}  ${by}${buffers(conflict, now)}`
  })

/** What its bench needs before and after it is not in its window, and yet in the way. */
const buffers = ({ heldFrom, heldUntil }: Record<string, unknown>, now: Date): string =>
  (typeof heldFrom === 'string' ? `, from ${shownInstant(heldFrom, now)} for its setup` : '') +
  (typeof heldUntil === 'string' ? `, until ${shownInstant(heldUntil, now)} for its teardown` : '')

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
