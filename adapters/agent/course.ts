import type { Outcome, Running } from './runner.ts'

/** Why what ran was ended. `fenced`: by the agent itself, before somebody else may have the bench. */
export interface Stop {
  because: 'cancelled' | 'timed-out' | 'abandoned' | 'fenced'
  detail: string
  /** Of `performance.now()`: by then the server wants to know. Absent: whenever it can be told. */
  reportBy?: number
}

/** What one attempt does now, one step after the other, and who asked it to end. */
export interface Course {
  stop(stop: Stop, graceMs: number): void
  /** The first reason why it was asked to end. */
  stopped(): Stop | undefined
  /** Ended by the agent's own fence while it did something to the bench. */
  isFenced(): boolean
  /** Undefined when it was asked to end before. */
  step(start: () => Running): Promise<Outcome | undefined>
  /** Also when it was asked to end before; only the fence ends it. */
  last(start: () => Running): Promise<Outcome>
  /** Nothing runs any more: what is asked from now on has come too late to be a reason. */
  close(): void
}

/** A runner that has not ended so long after the force it was told to use is not waited for. */
const overdueMs = 10_000

export const newCourse = (): Course => {
  let stopped: Stop | undefined
  let isFenced = false
  let isClosed = false
  let current: { stop(graceMs: number): void; isLast: boolean } | undefined
  const carryOut = async (start: () => Running, isLast: boolean): Promise<Outcome> => {
    const running = started(start)
    const overdue = Promise.withResolvers<Outcome>()
    const stop = (graceMs: number): void => {
      running.stop(graceMs)
      setTimeout(() => overdue.resolve(hanging), graceMs + overdueMs).unref()
    }
    current = { stop, isLast }
    const outcome = await Promise.race([running.ended.then(sound, broken), overdue.promise])
    current = undefined
    return outcome
  }
  return {
    stop: (stop, graceMs) => {
      isFenced ||= stop.because === 'fenced' && current !== undefined
      if (!isClosed) stopped ??= stop
      if (stop.because === 'fenced' || current?.isLast === false) current?.stop(graceMs)
    },
    stopped: () => stopped,
    isFenced: () => isFenced,
    step: async (start) => (stopped === undefined ? carryOut(start, false) : undefined),
    last: (start) => carryOut(start, true),
    close: () => {
      isClosed = true
    },
  }
}

/** Runners are not all ours: whatever one does, the attempt comes to its end. */
const started = (start: () => Running): Running => {
  try {
    return start()
  } catch (error) {
    return { ended: Promise.resolve(broken(error)), stop: () => undefined }
  }
}

const broken = (error: unknown): Outcome => ({ kind: 'errored', reason: `its runner broke: ${String(error)}` })

const sound = (outcome: Outcome): Outcome => {
  const { kind, reason } = (outcome ?? {}) as { kind?: unknown; reason?: unknown }
  const isSound = kind === 'passed' || ((kind === 'failed' || kind === 'errored') && typeof reason === 'string')
  return isSound ? outcome : broken(`${JSON.stringify(outcome)} is no outcome`)
}

export const hanging: Outcome = { kind: 'errored', reason: 'its runner did not end when it was told to' }
