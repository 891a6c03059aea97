import { z } from 'zod'
import { epoch, instant, labels, name, slug } from '../fields.ts'

/** By operators, or the agent itself: enrolling again with other labels changes them. */
export const EnrolWorker = z.strictObject({ labels: labels.default({}) })
/** By the agent. A second session supersedes the first. */
export const OpenSession = z.strictObject({
  benches: z
    .array(slug)
    .min(1)
    .max(16)
    .refine((ids) => new Set(ids).size === ids.length, 'a bench is named twice'),
  agentVersion: name,
})
export const CloseSession = z.strictObject({ epoch, force: z.boolean().default(false) })
/** By the sweeper, which has marked the lease before. */
export const ExpireSession = z.strictObject({ epoch, lastSeenAt: instant })
