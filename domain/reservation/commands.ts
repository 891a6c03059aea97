import { z } from 'zod'
import { daysMs, durationMs, id, instant, name, query, reason, slug } from '../fields.ts'

/** One bench of what is asked: by id, or any that satisfies the query. */
export const wantedBench = z.union([
  z.strictObject({ benchId: slug }),
  z.strictObject({ query: query.min(1), type: name.optional() }),
])

export const lengthMs = { min: 1_000, max: 90 * daysMs }

/** By users and services. Exactly one of `end` and `durationMs`. */
export const RequestReservation = z
  .strictObject({
    reservationId: id.optional(),
    holder: name,
    benches: z.array(wantedBench).min(1).max(16),
    start: instant.optional(),
    end: instant.optional(),
    durationMs: durationMs(lengthMs.min, lengthMs.max).optional(),
    purpose: reason.optional(),
    priority: z.int().min(0).max(100).default(50),
    queue: z.boolean().default(false),
    latestStart: instant.optional(),
    checkInWithinMs: durationMs(0, daysMs).default(300_000),
    graceMs: durationMs(0, daysMs).default(60_000),
  })
  .superRefine((asked, context) => {
    const issue = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: path === '' ? [] : [path], message })
    if ((asked.end === undefined) === (asked.durationMs === undefined)) issue('', 'exactly one of end and durationMs')
    if (asked.latestStart !== undefined && !asked.queue) issue('latestStart', 'only with queue: true')
    if (asked.latestStart !== undefined && asked.start !== undefined && asked.latestStart < asked.start)
      issue('latestStart', 'not before start')
    if (asked.end !== undefined && asked.start !== undefined) {
      const length = Date.parse(asked.end) - Date.parse(asked.start)
      if (length < lengthMs.min || length > lengthMs.max) issue('end', 'from 1 second to 90 days after start')
    }
    const named = asked.benches.flatMap((bench) => ('benchId' in bench ? [bench.benchId] : []))
    asked.benches.forEach((bench, index) => {
      if (
        'benchId' in bench &&
        named.indexOf(bench.benchId) < asked.benches.slice(0, index).filter((b) => 'benchId' in b).length
      )
        context.addIssue({
          code: 'custom',
          path: ['benches', index, 'benchId'],
          message: `bench ${bench.benchId} is named twice`,
        })
    })
  })
export const AmendReservation = z
  .strictObject({ start: instant.optional(), end: instant.optional() })
  .refine(({ start, end }) => start !== undefined || end !== undefined, 'at least one of start and end')
export const TransferReservation = z.strictObject({ holder: name })
export const CheckInReservation = z.strictObject({})
export const ReleaseReservation = z.strictObject({})
export const CancelReservation = z.strictObject({})

/** By policies and clocks. */
export const PullForward = z.strictObject({})
/** Ends whatever is left of a reservation on a bench that was retired by force, active or not. */
export const EvictReservation = z.strictObject({ benchId: slug })
/** Beside an execution's own: its benches may be held until then. */
export const ExtendHold = z.strictObject({ until: instant })
export const Tick = z.strictObject({})
