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
        releaseReservation: boolean
        tasks: readonly TaskPlan[]
      }
    >
  | DomainEvent<'ExecutionStarted', { benchIds: readonly string[] }>
  | DomainEvent<'ExecutionCancelRequested', { reason?: string }>
  | DomainEvent<'ExecutionFinished', { verdict: Verdict; releaseReservation: boolean; reservationId: string }>
  | DomainEvent<'AttemptStarted', Report & { benchId: string; timesOutAt: Instant }>
  | DomainEvent<'AttemptPassed', AttemptRef & { result?: unknown; artifacts: readonly string[] }>
  | DomainEvent<'AttemptFailed', AttemptRef & { benchId: string; reason: string; infrastructure: boolean }>
  | DomainEvent<'AttemptTimedOut', AttemptRef & { reason: string }>
  | DomainEvent<'AttemptCancelled', AttemptRef>
  /** Evidence: a report that came with a stale epoch or attempt, and changed nothing. */
  | DomainEvent<'AttemptReportRejected', Report & { report: string; rejection: string }>
  | DomainEvent<'TaskRetryScheduled', { taskName: string; attempt: number; dueAt: Instant }>
  | DomainEvent<'TaskSkipped', { taskName: string; because: string }>

/** Every type of event that may lie in the history of this kind, with the version its data is written in. */
export const schemaVersions: Readonly<Record<ExecutionEvent['type'], number>> = {
  ExecutionSubmitted: 1,
  ExecutionStarted: 1,
  ExecutionCancelRequested: 1,
  ExecutionFinished: 1,
  AttemptStarted: 1,
  AttemptPassed: 1,
  AttemptFailed: 1,
  AttemptTimedOut: 1,
  AttemptCancelled: 1,
  AttemptReportRejected: 1,
  TaskRetryScheduled: 1,
  TaskSkipped: 1,
}
