import { z } from 'zod'
import { bufferMs, capabilities, epoch, id, instant, labels, name, reason, slug } from '../fields.ts'

const description = {
  type: name,
  name: name.optional(),
  capabilities: capabilities.default([]),
  location: name.optional(),
  setupMs: bufferMs.default(0),
  teardownMs: bufferMs.default(0),
  labels: labels.default({}),
}

/** By operators. */
export const RegisterBench = z.strictObject({ benchId: slug, ...description })
/** What is given replaces what was; what is absent stays; null takes an optional one away. */
export const DescribeBench = z.strictObject({
  type: name.optional(),
  name: name.nullish(),
  capabilities: capabilities.optional(),
  location: name.nullish(),
  setupMs: bufferMs.optional(),
  teardownMs: bufferMs.optional(),
  labels: labels.optional(),
})
export const StartMaintenance = z.strictObject({ reason })
export const EndMaintenance = z.strictObject({})
export const QuarantineBench = z.strictObject({ reason, evidence: z.array(z.string().max(256)).max(16).default([]) })
export const ReturnBenchToService = z.strictObject({})
export const RetireBench = z.strictObject({ force: z.boolean().default(false) })

const window = { reservationId: id, start: instant, end: instant, holder: name }

/** By the reservations' decisions, as members of their commits. */
export const HoldInterval = z.strictObject(window)
export const MoveInterval = z.strictObject({ reservationId: id, start: instant, end: instant })
export const TransferInterval = z.strictObject({ reservationId: id, holder: name })
/** `used`: the reservation was active, so the bench's teardown follows. */
export const FreeInterval = z.strictObject({ reservationId: id, used: z.boolean() })

/** By the executions' decisions. */
export const OccupyBench = z.strictObject({ executionId: id, reservationId: id })
export const VacateBench = z.strictObject({ executionId: id })

/** By the workers' decisions. */
const session = { workerId: slug, epoch }
export const ConnectBench = z.strictObject(session)
export const DisconnectBench = z.strictObject(session)
export const SuspectBench = z.strictObject(session)
export const RecoverBench = z.strictObject(session)
export const LoseBench = z.strictObject({ ...session, lastSeenAt: instant })
