/** What is answered: one schema per resource, matching projections/resources.ts. Named ones are OpenAPI components. */
import { z } from 'zod'
import { wantedBench } from '../../domain/reservation/commands.ts'

export const at = z.iso.datetime({ precision: 3 }).meta({ description: 'ISO-8601 UTC with milliseconds' })
export const count = z.int().min(0)
export const version = z.int().min(1)
export const text = z.string().max(1_000)
export const stringMap = z.record(z.string().max(64), z.string().max(64))
const window = { start: at, end: at }

/** A page of a list. */
export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item).max(500), nextCursor: z.string().max(1_000).optional() })
export const items = <Item extends z.ZodType>(item: Item) => z.object({ items: z.array(item).max(1_000) })

export const Bench = z
  .object({
    benchId: text,
    type: text,
    name: text.optional(),
    capabilities: z.array(text).max(128),
    location: text.optional(),
    setupMs: count,
    teardownMs: count,
    labels: stringMap,
    serviceability: z.enum(['in-service', 'maintenance', 'quarantined', 'retired']),
    connectivity: z.enum(['never-connected', 'online', 'suspected', 'lost', 'offline']),
    occupancy: z.enum(['free', 'held', 'occupied']),
    workerId: text.optional(),
    epoch: count.optional(),
    lastHeartbeatAt: at.optional().meta({ description: 'Only in a GET without consistent' }),
    descriptionVersion: version.meta({ description: 'Of the last change by an operator: the ETag' }),
    version,
  })
  .meta({ id: 'Bench' })

export const CalendarEntry = z
  .object({ ...window, heldFrom: at, heldUntil: at, reservationId: text, holder: text })
  .meta({ id: 'CalendarEntry', description: '`[heldFrom, heldUntil)` is the window with its buffers' })

export const Opening = z.object({ benchId: text, ...window }).meta({ id: 'Opening' })

export const Reservation = z
  .object({
    reservationId: text,
    status: z.enum(['confirmed', 'queued', 'active', 'released', 'expired', 'no-show', 'cancelled']),
    holder: text,
    ...window,
    priority: count,
    purpose: text.optional(),
    benches: z.array(wantedBench).max(16).meta({ description: 'As asked' }),
    benchIds: z.array(text).max(16).meta({ description: 'As assigned' }),
    queue: z.boolean(),
    latestStart: at.optional(),
    checkInWithinMs: count,
    graceMs: count,
    checkedInAt: at.optional(),
    version,
  })
  .meta({ id: 'Reservation' })

export const Explanation = z
  .object({
    rule: z.enum(['by-id', 'by-query', 'earliest-window', 'pulled-forward']),
    candidates: z.array(text).max(50),
    candidateCount: count,
    exclusions: z.array(z.object({ benchId: text, reason: text })).max(50),
    exclusionCounts: z.record(text, count),
    position: z.int().min(1).optional().meta({ description: 'In the queue, from 1: by priority, then waiting time' }),
    blockedBy: z
      .array(z.object({ benchId: text, reservationId: text, heldUntil: at }))
      .max(50)
      .optional(),
  })
  .meta({ id: 'Explanation' })

export const phase = z.enum(['provision', 'test', 'collect', 'teardown'])

const Attempt = z
  .object({
    attempt: z.int().min(1),
    status: z.enum(['started', 'passed', 'failed', 'timed-out', 'cancelled', 'lost']),
    workerId: text,
    epoch: count,
    benchId: text,
    startedAt: at,
    endedAt: at.optional(),
    reason: text.optional(),
    result: z.unknown().optional(),
    artifacts: z.array(z.string().max(512)).max(1_000),
  })
  .meta({ id: 'Attempt' })

export const Task = z
  .object({
    name: text,
    phase,
    bench: count.meta({ description: "Index into the execution's benchIds" }),
    status: z.enum([
      'pending',
      'ready',
      'running',
      'waiting-retry',
      'passed',
      'failed',
      'errored',
      'timed-out',
      'cancelled',
      'skipped',
    ] as const),
    needs: z.array(text).max(1_000),
    runs: z.enum(['on-success', 'always']),
    attempts: z.array(Attempt).max(1_000),
  })
  .meta({ id: 'Task' })

export const Execution = z
  .object({
    executionId: text,
    reservationId: text,
    benchIds: z.array(text).max(16),
    status: z.enum(['queued', 'running', 'cancelling', 'interrupted', 'finished']),
    verdict: z.enum(['passed', 'failed', 'errored', 'timed-out', 'cancelled']).optional(),
    phase: phase.optional(),
    commitSha: text.optional(),
    suite: text.optional(),
    parameters: z.record(z.string().max(128), z.unknown()).optional(),
    submittedAt: at,
    startedAt: at.optional(),
    finishedAt: at.optional(),
    tasks: z.array(Task).max(1_000),
    version,
  })
  .meta({ id: 'Execution' })

export const Artifact = z
  .object({
    taskName: text,
    attempt: z.int().min(1),
    path: z.string().max(512),
    bytes: count,
    sha256: text.meta({ description: 'Lower-case hex: the ETag' }),
    href: z.string().max(2_000).meta({ description: 'Where its bytes are' }),
  })
  .meta({ id: 'Artifact' })

export const UploadTarget = z
  .object({
    url: z.string().max(8_000).meta({ description: 'Where the bytes go by PUT; Location, too' }),
    headers: z.record(z.string(), z.string()).meta({ description: 'To be sent along as they are' }),
  })
  .meta({ id: 'UploadTarget' })

const Actor = z
  .object({ kind: z.enum(['user', 'service', 'worker', 'system']), id: text, onBehalfOf: text.optional() })
  .meta({ id: 'Actor' })

export const Message = z
  .object({ messageId: text, acceptedAt: at, actor: Actor, content: z.unknown(), version })
  .meta({ id: 'Message' })

export const Event = z
  .object({
    eventId: text.meta({ description: '`{kind}/{id}/{version}`' }),
    tenant: text,
    stream: text.meta({ description: '`{kind}/{id}`' }),
    version,
    type: text,
    schemaVersion: z.int().min(1),
    at,
    data: z.unknown(),
    actor: Actor,
    commandId: text,
    correlationId: text,
    causationId: text.optional(),
    traceparent: text.optional(),
  })
  .meta({ id: 'Event' })

export const Feed = z.object({ items: z.array(Event).max(500), nextCursor: z.string().max(1_000) }).meta({ id: 'Feed' })

export const StateAsOf = z.object({ stream: text, version, at, state: z.unknown() }).meta({ id: 'StateAsOf' })

export const Verification = z
  .object({
    ok: z.boolean(),
    streamCount: count,
    commitCount: count,
    failures: z.array(z.object({ stream: text, version: count, problem: text })).max(1_000),
  })
  .meta({ id: 'Verification' })

export const ViewsStatus = z
  .object({
    items: z
      .array(
        z.object({ name: text, rowCount: count, behindCount: count.meta({ description: 'Commits not seen yet' }) }),
      )
      .max(100),
    rebuilding: z.boolean(),
  })
  .meta({ id: 'ViewsStatus' })

export const Problem = z
  .looseObject({
    type: text,
    title: text,
    status: z.int(),
    code: text.meta({ description: 'Stable, kebab-case' }),
    detail: text,
    errors: z
      .array(z.object({ path: text, message: text }))
      .max(100)
      .optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; what explains the problem stands in further members' })
