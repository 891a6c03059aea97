import type { Execution } from './follow.ts'
import { plain } from './plain.ts'
import { shownDuration } from './times.ts'

/** What came of a task, in half a line: all of it is in --json. */

export type Task = Execution['tasks'][number]

const lengthMax = 80

export const outcomeOf = (task: Task, { tasks }: Pick<Execution, 'tasks'>): string => {
  const last = task.attempts.at(-1)
  if (last === undefined) return cut(plain(whyNotStarted(task, tasks)))
  const again = task.status === 'passed' && last.attempt > 1 ? [`passed at attempt ${last.attempt}`] : []
  return cut(plain([...again, last.reason ?? resultInWords(last.result)].filter((part) => part !== '').join(', ')))
}

const cut = (text: string): string => (text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text)

const namesMax = 5

/** Of a task without an attempt that will have none, or that waits for others; nothing of one that may start. */
export const whyNotStarted = ({ status, needs, runs }: Task, tasks: readonly Task[]): string => {
  const named = (is: (need: Task) => boolean): string => {
    const names = tasks.filter((task) => needs.includes(task.name) && is(task)).map(({ name }) => name)
    const more = names.length > namesMax ? ` and ${names.length - namesMax} more` : ''
    return `${names.slice(0, namesMax).join(', ')}${more}`
  }
  const missed = runs === 'always' ? '' : named(({ status: is }) => endings.has(is) && is !== 'passed')
  if (status === 'skipped') return missed === '' ? 'the execution ended before' : `needs ${missed}, which did not pass`
  const awaited = named(({ status: is }) => !endings.has(is))
  return status === 'pending' && awaited !== '' ? `waits for ${awaited}` : ''
}

const endings: ReadonlySet<string> = new Set(['passed', 'failed', 'errored', 'timed-out', 'cancelled', 'skipped'])

type Members = Readonly<Record<string, unknown>>

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `exit 0, 913ms, 12 tests: 11 passed, 1 failed`; what another runner tells by its names. */
const resultInWords = (result: unknown): string => {
  if (result === undefined) return ''
  if (!isMembers(result)) return JSON.stringify(result)
  const known = [...wordings].filter(([name]) => Object.hasOwn(result, name))
  const others = Object.entries(result).filter(([name]) => !wordings.has(name))
  return [
    ...known.map(([name, wording]) => wording(result[name], name)),
    ...others.map(([name, value]) => otherwise(value, name)),
  ].join(', ')
}

type Wording = (value: unknown, name: string) => string

const otherwise: Wording = (value, name) => {
  if (Array.isArray(value)) return `${name}: ${value.length} items`
  return `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`
}

/** In the order in which they are told; what has no wording comes after. */
const wordings: ReadonlyMap<string, Wording> = new Map<string, Wording>([
  ['exitCode', (value, name) => (typeof value === 'number' ? `exit ${value}` : otherwise(value, name))],
  ['durationMs', (value, name) => (typeof value === 'number' ? shownDuration(value) : otherwise(value, name))],
  ['tests', (value, name) => (isMembers(value) ? testsInWords(value) : otherwise(value, name))],
])

const counted = ['passed', 'failed', 'errored', 'skipped']

const testsInWords = (tests: Members): string => {
  const parts = counted.filter((name) => (tests[name] ?? 0) !== 0).map((name) => `${String(tests[name])} ${name}`)
  return `${String(tests['total'])} tests${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`
}
