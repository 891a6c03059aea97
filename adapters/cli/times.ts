import { exit, exits } from './exits.ts'

/** How people write lengths and instants, and how they are shown to them. Nothing here reads a clock. */

const unitMs: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const durationPattern =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/
export const durationHint = 'a duration such as 2h, 90m, 1h30m or 45s'

/** Milliseconds of `2h`, `90m`, `1h30m`, `1.5h`, `45s`, `2d`, `500ms`; undefined for anything else. Units go from large to small. */
export const durationOf = (text: string): number | undefined => {
  const parts = durationPattern.exec(text)
  if (text === '' || parts === null) return undefined
  const ms = Object.values(unitMs).reduce((sum, unit, index) => sum + Number(parts[index + 1] ?? 0) * unit, 0)
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : undefined
}

/** Like `durationOf`; what is none is a usage error that names the option. */
export const parseDuration = (text: string, what: string): number => {
  const ms = durationOf(text)
  if (ms === undefined) throw exit(exits.usage, `${what}: '${text}' is not ${durationHint}`)
  return ms
}

const clockPattern = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/
const isoPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/
const instantHint = 'an instant such as 2026-03-01T09:00:00Z, +2h or 18:30'

/**
 * ISO-8601 UTC of: an ISO instant with a zone; `+2h`, `-30m` from now; `18:30` in the local zone, today or, when that is
 * past, tomorrow; `now`. Anything else, and an ISO instant without a zone, is a usage error that names the option.
 */
export const parseInstant = (text: string, what: string, now: Date): string => {
  const ms = text === 'now' ? now.getTime() : (isoMs(text) ?? relativeMs(text, now) ?? clockMs(text, now))
  const instant = new Date(ms ?? Number.NaN)
  if (Number.isNaN(instant.getTime())) throw exit(exits.usage, `${what}: '${text}' is not ${instantHint}`)
  return instant.toISOString()
}

const isoMs = (text: string): number | undefined => (isoPattern.test(text) ? Date.parse(text) : undefined)

const relativeMs = (text: string, now: Date): number | undefined => {
  const sign = text.startsWith('+') ? 1 : text.startsWith('-') ? -1 : 0
  const ms = sign === 0 ? undefined : durationOf(text.slice(1))
  return ms === undefined ? undefined : now.getTime() + sign * ms
}

const clockMs = (text: string, now: Date): number | undefined => {
  const parts = clockPattern.exec(text)
  if (parts === null) return undefined
  const at = new Date(now)
  at.setHours(Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0), 0)
  if (at < now) at.setDate(at.getDate() + 1)
  return at.getTime()
}

/** The two largest units: `1h30m`, `45s`, `2d4h`, `1.6s`, `250ms`; `0s` for nothing. */
export const shownDuration = (ms: number): string => {
  if (ms > 0 && ms < 1_000) return `${Math.round(ms)}ms`
  if (ms < 10_000) return `${Number((ms / 1_000).toFixed(1))}s`
  let rest = Math.round(ms / 1_000) * 1_000
  const parts = Object.entries(unitMs).flatMap(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? [] : [`${count}${unit}`]
  })
  return parts.slice(0, 2).join('') || '0s'
}

const two = (value: number): string => String(value).padStart(2, '0')

/** Local time for people: `18:30:05` on the day of `now`, else `2026-03-01 18:30:05`. `--json` keeps UTC. */
export const shownInstant = (instant: string | undefined, now: Date): string => {
  if (instant === undefined) return ''
  const at = new Date(instant)
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-')
  return at.toDateString() === now.toDateString() ? time : `${day} ${time}`
}
