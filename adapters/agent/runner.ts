/**
 * How an agent runs what a task says. A runner knows a kind of work (a shell command, a flasher, a test framework); the
 * agent knows the server: claims, timeouts, logs, cancels and reports are its own and the same for every runner.
 */

/** One attempt, as claimed, with the places that the agent has made for it. */
export interface Work {
  executionId: string
  taskName: string
  /** Counts from 1 within its task. */
  attempt: number
  benchId: string
  phase: string
  /** The task's `run`, as its plan has it. What a runner can't read is `not-started`. */
  run: unknown
  parameters: Readonly<Record<string, unknown>>
  commitSha?: string
  /** A directory of this attempt alone, empty at the start. */
  workDir: string
  /** A file in which the runner appends what is to be seen as the attempt's log, in order; the agent ships it while it grows. */
  logPath: string
}

export type Outcome =
  /** It ran to an end of its own, or was stopped. `exitCode` is null when a signal ended it. */
  | { kind: 'exited'; exitCode: number | null; signal: string | null; durationMs: number }
  /** It could not be started: the bench's or the agent's fault rather than the test's. */
  | { kind: 'not-started'; reason: string }

export interface Running {
  /** Never rejects. Resolves when nothing of the run is alive any more. */
  ended: Promise<Outcome>
  /** Ends it: asks nicely, and by force `graceMs` later. Again with a shorter grace: sooner. After the end: nothing. */
  stop(graceMs: number): void
  /** What another life of the agent needs to end it, should this one be killed; undefined: nothing could be left. */
  trace: string | undefined
}

export interface Runner {
  /** Starts at once and never throws: what can't be started is an outcome. */
  start(work: Work): Running
  /** Ends what a killed agent left running, known by its `trace`. Touches nothing when in doubt. */
  endLeftOver(trace: string): Promise<void>
}
