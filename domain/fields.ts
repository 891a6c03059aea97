import { z } from 'zod'
import { capabilityFault, parseTerm } from './capabilities.ts'
import { idPattern, slugPattern } from './ids.ts'

/** Fields that several commands share, each with its limit. */

const noControl = /^[^\p{Cc}\p{Cs}]*$/u
const text = (max: number) => z.string().max(max).regex(noControl, 'control characters are not allowed')

export const slug = z.string().regex(slugPattern, 'a slug: [a-z0-9][a-z0-9._-]{0,62}')
export const id = z.string().regex(idPattern, 'an id: [A-Za-z0-9_-]{1,64}')
export const name = text(128).min(1)
export const reason = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^[^\p{Cs}\u0000]*$/u, 'lone surrogates and NUL are not allowed')
export const labels = z
  .record(text(64).min(1), text(64))
  .refine((map) => Object.keys(map).length <= 32, 'at most 32 labels')

export const capability = text(256).superRefine((value, context) => {
  const fault = capabilityFault(value)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
export const capabilities = z.array(capability).max(128)

/** One term of a capability query; a faulty one is refused with the character it fails at. */
export const queryTerm = z
  .string()
  .max(256)
  .superRefine((value, context) => {
    const parsed = parseTerm(value)
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message })
  })
export const query = z.array(queryTerm).max(32)

/** In UTC with milliseconds. What is no instant stays what it is: its fault has been told. */
const toUtc = (value: string): string => {
  const time = Date.parse(value)
  return Number.isNaN(time) ? value : new Date(time).toISOString()
}

/** An instant with a zone, taken to UTC with milliseconds. One without a zone is a fault, and so is one beyond the years that compare as text. */
export const instant = z.iso
  .datetime({ offset: true, error: 'an ISO-8601 instant with a zone, such as 2026-03-01T09:00:00Z' })
  .max(40)
  .overwrite(toUtc)
  .refine((value) => !/^[+-]/.test(value), 'an instant of the years 0000 to 9999 in UTC')

export const durationMs = (min: number, max: number) => z.int().min(min).max(max)
export const daysMs = 86_400_000
/** Counts a worker's sessions, from 1. */
export const epoch = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
export const bufferMs = durationMs(0, daysMs)

const depthMax = 32
const jsonBytesMax = 16 * 1024

/** How deep a JSON value nests, counted without recursion so that a hostile one can't end the stack. */
const tooDeep = (value: unknown): boolean => {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? (Object.values(item) as unknown[]) : [],
    )
  }
  return false
}

const boundedJson = (value: unknown, context: z.RefinementCtx): void => {
  if (tooDeep(value)) context.addIssue({ code: 'custom', message: `nested deeper than ${depthMax} levels` })
  else if ((JSON.stringify(value) ?? '').length > jsonBytesMax)
    context.addIssue({ code: 'custom', message: `at most ${jsonBytesMax} characters of JSON` })
}

/** JSON up to 16 KB and 32 levels: `parameters`, `result`, `run`. */
export const json = z.unknown().superRefine(boundedJson)
export const jsonObject = z.record(z.string().max(128), z.unknown()).superRefine(boundedJson)
