/** What workers are shown as, and what they are told. */
import { z } from 'zod'
import { at, count, phase, stringMap, text, version } from './resources.ts'

export const Worker = z
  .object({
    workerId: text,
    labels: stringMap,
    epoch: count,
    session: z
      .object({ epoch: count, benchIds: z.array(text).max(16), agentVersion: text, openedAt: at })
      .optional()
      .meta({ description: 'The one that is open' }),
    lastHeartbeatAt: at.optional().meta({ description: 'Of an open session; only in a GET without consistent' }),
    isSilent: z.boolean().optional().meta({ description: 'Suspected; as lastHeartbeatAt' }),
    isDraining: z.boolean().optional().meta({ description: 'Told to drain; as lastHeartbeatAt' }),
    version,
  })
  .meta({ id: 'Worker' })

export const LossFreeze = z
  .object({
    frozen: z.boolean(),
    since: at.optional(),
    until: at.optional().meta({ description: 'When it ends by itself' }),
    silentCount: count.meta({ description: 'Workers that are suspected, or were lost within the last lease' }),
    workerCount: count,
  })
  .meta({ id: 'LossFreeze' })

export const Session = z
  .object({ epoch: z.int().min(1), leaseMs: count, heartbeatEveryMs: count })
  .meta({ id: 'Session' })

export const LeaseFlag = z
  .union([
    z.object({
      kind: z.literal('cancel-attempt'),
      executionId: text,
      taskName: text,
      attempt: z.int().min(1),
      graceMs: count,
    }),
    z.object({ kind: z.literal('drain') }),
  ])
  .meta({ id: 'LeaseFlag' })

export const Beat = z
  .object({ leaseMs: count, heartbeatEveryMs: count, flags: z.array(LeaseFlag).max(1_000) })
  .meta({ id: 'Beat' })

export const Claim = z
  .object({
    executionId: text,
    taskName: text,
    attempt: z.int().min(1),
    benchId: text,
    run: z.unknown(),
    phase,
    parameters: z.record(z.string().max(128), z.unknown()).optional(),
    commitSha: text.optional(),
    timeoutMs: count,
  })
  .meta({ id: 'Claim' })
