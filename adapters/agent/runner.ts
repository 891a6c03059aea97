/**
 * How an agent runs what a task says. A runner knows a kind of work (a shell command, an instrument, a test framework); the
 * agent knows the server: claims, timeouts, hooks, logs, artifacts, cancels and reports are its own and the same for every
 * runner. `shell.ts` is one; `examples/runners/scpi.ts` is one to copy: `benchplane agent --runner ./my-runner.ts` loads
 * a module whose default export is a `Runner`, or a function of `RunnerOptions` that makes one.
 */

/** One attempt, as claimed, with the places that the agent has made for it. */
export interface Work {
  executionId: string
  taskName: string
  /** Counts from 1 within its task. */
  attempt: number
  benchId: string
  phase: string
  /** The task's `run`, as its plan has it. What a runner can't read is `errored`. */
  run: unknown
  parameters: Readonly<Record<string, unknown>>
  commitSha?: string
  /** A directory of this attempt alone, empty at the start, gone at the end. */
  workDir: string
  /**
   * A directory of this attempt alone. Its files are uploaded as artifacts once the run has ended, however it ended; those
   * that are JUnit XML are counted into the result.
   */
  artifactsDir: string
  /** A file in which the runner appends what is to be seen as the attempt's log, in order; the agent ships it while it grows. */
  logPath: string
}

/** `result`: JSON of at most 16 KB, kept in history and shown with the attempt. */
export type Outcome =
  | { kind: 'passed'; result?: unknown }
  /** The test's fault. The reason is cut after 1 000 characters. */
  | { kind: 'failed'; reason: string; result?: unknown }
  /** It could not be run: the bench's or the agent's fault. Two in a row on a bench take it out of service. */
  | { kind: 'errored'; reason: string; result?: unknown }

export interface Running {
  /** Never rejects. Resolves when nothing of the run is alive any more; after a stop its outcome may be anything. */
  ended: Promise<Outcome>
  /** Ends it: asks nicely, and by force `graceMs` later. Again with a shorter grace: sooner. After the end: nothing. */
  stop(graceMs: number): void
  /**
   * What another life of the agent needs to end it, should this one be killed; absent: nothing could be left. That of a
   * process group, `{pid} {start time}` as `startCommand` gives it, is also known to the guard, which ends it at once.
   */
  trace?: string | undefined
}

export interface Runner {
  /** Starts at once and never throws: what can't be started is an outcome. One attempt at a time on each bench. */
  start(work: Work): Running
  /** Ends what a killed agent left running, known by its `trace`. Touches nothing when in doubt. */
  endLeftOver?(trace: string): Promise<void>
}

/** What a runner's module may want to know before anything runs. */
export interface RunnerOptions {
  workerId: string
  benchIds: readonly string[]
  /** `--runner-option name=value`, as given. */
  options: Readonly<Record<string, string>>
}
