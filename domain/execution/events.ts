import type { DomainEvent } from '../event.ts'
import type { Instant } from '../ids.ts'

/** Storage formats: frozen for ever once released. */

export type Verdict = 'passed' | 'failed' | 'errored' | 'timed-out' | 'cancelled'
export type Phase = 'provision' | 'test' | 'collect' | 'teardown'

export interface TaskPlan {
  name: string
  run: unknown
  phase: Phase
  bench: number
  needs: readonly string[]
  runs: 'on-success' | 'always'
  timeoutMs: number
  retry: { attemptCountMax: number; backoffMs: number; factor: number }
  relocatable: boolean
}

/** Who is told of the end. */
export type Callback = { url: string } | { taskToken: string }

interface AttemptRef {
  taskName: string
  attempt: number
}
interface Report extends AttemptRef {
  workerId: string
  epoch: number
}

export type ExecutionEvent =
  | DomainEvent<
      'ExecutionSubmitted',
      {
        reservationId: string
        benchIds: readonly string[]
        commitSha?: string
        suite?: string
        parameters?: Readonly<Record<string, unknown>>
        timeoutMs?: number
        callback?: Callback
        releaseReservation: boolean
        tasks: readonly TaskPlan[]
      }
    >
  /** Before it started, its reservation was pulled forward to other benches. */
  | DomainEvent<'ExecutionMoved', { benchIds: readonly string[] }>
  | DomainEvent<'ExecutionStarted', { benchIds: readonly string[] }>
  /** `window`: nobody asked, but the reservation's window ends. What has not stopped by `dueAt` is timed out. */
  | DomainEvent<'ExecutionCancelRequested', { by: 'request' | 'window'; dueAt: Instant; reason?: string }>
  /** The window ends soon: from `cancelAt` on what runs is to stop, by `until` it must have. */
  | DomainEvent<'ExecutionEnding', { cancelAt: Instant; until: Instant }>
  /** The window was extended in time: nothing ends. */
  | DomainEvent<'ExecutionEndingLifted', Record<string, never>>
  /** A worker was lost, and with it the last attempt that ran. */
  | DomainEvent<'ExecutionInterrupted', { workerId: string; epoch: number }>
  | DomainEvent<'ExecutionResumed', { benchIds: readonly string[] }>
  | DomainEvent<'ExecutionRedriven', { taskNames: readonly string[] }>
  | DomainEvent<
      'ExecutionFinished',
      { verdict: Verdict; releaseReservation: boolean; reservationId: string; callback?: Callback }
    >
  | DomainEvent<'AttemptStarted', Report & { benchId: string; timesOutAt: Instant }>
  | DomainEvent<'AttemptPassed', AttemptRef & { result?: unknown; artifacts: readonly string[] }>
  | DomainEvent<
      'AttemptFailed',
      AttemptRef & { benchId: string; reason: string; infrastructure: boolean; result?: unknown }
    >
  | DomainEvent<'AttemptTimedOut', AttemptRef & { reason: string }>
  | DomainEvent<'AttemptCancelled', AttemptRef>
  /** Its outcome is unknown: that is not a failure. */
  | DomainEvent<'AttemptLost', AttemptRef & { reason: string }>
  | DomainEvent<'ArtifactRecorded', AttemptRef & { path: string; bytes: number; sha256: string }>
  /** Evidence: a report that came with a stale epoch or attempt, and changed nothing. */
  | DomainEvent<'AttemptReportRejected', Report & { report: string; rejection: string }>
  | DomainEvent<'TaskRetryScheduled', { taskName: string; attempt: number; dueAt: Instant }>
  | DomainEvent<'TaskSkipped', { taskName: string; because: string }>

/** Every type of event that may lie in the history of this kind, with the version its data is written in. */
export const schemaVersions: Readonly<Record<ExecutionEvent['type'], number>> = {
  ExecutionSubmitted: 1,
  ExecutionMoved: 1,
  ExecutionStarted: 1,
  ExecutionCancelRequested: 1,
  ExecutionEnding: 1,
  ExecutionEndingLifted: 1,
  ExecutionInterrupted: 1,
  ExecutionResumed: 1,
  ExecutionRedriven: 1,
  ExecutionFinished: 1,
  AttemptStarted: 1,
  AttemptPassed: 1,
  AttemptFailed: 1,
  AttemptTimedOut: 1,
  AttemptCancelled: 1,
  AttemptLost: 1,
  ArtifactRecorded: 1,
  AttemptReportRejected: 1,
  TaskRetryScheduled: 1,
  TaskSkipped: 1,
}
