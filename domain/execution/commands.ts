import { z } from 'zod'
import { daysMs, durationMs, epoch, id, json, jsonObject, name, reason, slug } from '../fields.ts'

export const taskName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'a task name: [A-Za-z0-9][A-Za-z0-9._-]{0,127}')
const taskMs = durationMs(1_000, 30 * daysMs)

export const task = z.strictObject({
  name: taskName,
  /** JSON for the worker's runner; the shell runner takes {command, env?, cwd?}. */
  run: json,
  phase: z.enum(['provision', 'test', 'collect', 'teardown']).default('test'),
  /** Index into the reservation's benches. */
  bench: z.int().min(0).max(15).default(0),
  needs: z.array(taskName).max(1_000).default([]),
  runs: z.enum(['on-success', 'always']).default('on-success'),
  timeoutMs: taskMs.default(3_600_000),
  retry: z
    .strictObject({
      /** Counting the first. */
      attemptCountMax: z.int().min(1).max(100).default(1),
      backoffMs: durationMs(0, daysMs).default(1_000),
      factor: z.number().min(1).max(10).default(2),
    })
    .prefault({}),
  relocatable: z.boolean().default(false),
})

/** Neither a name nor a password in it: they would be stored for ever, and no client sends them on. */
const callbackUrl = z
  .url({ protocol: /^https?$/, error: 'an http or https address', abort: true })
  .max(2_048, 'at most 2048 characters')
  .regex(/^[^/?#]*\/\/[^/?#@]+(?:[/?#]|$)/, 'no name and no password in an address')

/** Who is told of the end: an address that is sent the event, or a waiting state machine that is given its answer. */
export const callback = z.union([
  z.strictObject({ url: callbackUrl }),
  z.strictObject({
    taskToken: z
      .string()
      .min(1)
      .max(2_048)
      .regex(/^[\x21-\x7e]+$/, 'visible ASCII characters'),
  }),
])

/** By users and services. */
export const SubmitExecution = z.strictObject({
  executionId: id.optional(),
  reservationId: id,
  commitSha: name.optional(),
  suite: name.optional(),
  parameters: jsonObject.optional(),
  timeoutMs: taskMs.optional(),
  callback: callback.optional(),
  releaseReservation: z.boolean().default(false),
  tasks: z.array(task).min(1).max(1_000),
})
export const CancelExecution = z.strictObject({ reason: reason.optional() })

const session = { workerId: slug, epoch }
export const attemptNumber = z.int().min(1).max(1_000)
const attempt = { taskName, attempt: attemptNumber, ...session }

/** By workers. The server chooses the task. */
export const ClaimTask = z.strictObject({ taskName, benchId: slug, ...session })
/** Where an artifact lies within its attempt. */
export const artifactPath = z
  .string()
  .max(512)
  .regex(
    /^[A-Za-z0-9._ -]+(?:\/[A-Za-z0-9._ -]+)*$/,
    'a relative path of letters, digits, dots, dashes, blanks and slashes',
  )
  .refine((path) => path.split('/').every((part) => part !== '.' && part !== '..'), 'no . and no .. in a path')
  .refine((path) => path !== '__proto__', 'not __proto__')
/** An attempt leaves at most so many artifacts. */
export const artifactCountMax = 1_000

export const CompleteAttempt = z.strictObject({
  ...attempt,
  result: json.optional(),
  artifacts: z.array(artifactPath).max(artifactCountMax).default([]),
})
export const FailAttempt = z.strictObject({
  ...attempt,
  reason,
  infrastructure: z.boolean().default(false),
  result: json.optional(),
})
export const AcknowledgeCancel = z.strictObject(attempt)
/** By the server, before it takes the bytes: refuses what it would refuse afterwards, as far as that is known by then. */
export const AnnounceArtifact = z.strictObject({ ...attempt, path: artifactPath })
/** By the server, once an upload is complete. */
export const RecordArtifact = z.strictObject({
  ...attempt,
  path: artifactPath,
  bytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
})
export const RedriveExecution = z.strictObject({})

/** By policies and clocks. `EndExecution`: its reservation is over. `ExtendGrace`: its window ends soon. `FollowReservation`: its reservation has other benches. */
export const LoseAttempt = z.strictObject({ ...attempt, reason })
export const ExtendGrace = z.strictObject({})
export const FollowReservation = z.strictObject({})
export const EndExecution = z.strictObject({ reason })
export const Tick = z.strictObject({})
