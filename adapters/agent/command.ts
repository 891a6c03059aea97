import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { endGroup, groupOf, traceOf } from './processGroup.ts'

/** A program in a process group of its own, whose output goes to a file. */

export interface CommandLine {
  program: string
  args: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  /** Its stdout and stderr are this one file: their order is that of writing, and it never waits for a reader. */
  logPath: string
}

/** `exitCode` is null when a signal ended it. */
export type CommandEnd =
  | { kind: 'exited'; exitCode: number | null; signal: string | null; durationMs: number }
  | { kind: 'not-started'; reason: string }

export interface Command {
  /** Never rejects. Resolves when the group is gone, or did not go for SIGKILL. */
  ended: Promise<CommandEnd>
  /** SIGTERM to the group, SIGKILL `graceMs` later. Again with a shorter grace: sooner. */
  stop: (graceMs: number) => void
  /** For `endLeftOverCommand`, and for the guard. */
  trace: string | undefined
}

/** stdin is empty, so nothing waits for a person. */
export const startCommand = ({ program, args, cwd, env, logPath }: CommandLine): Command => {
  const log = openSync(logPath, 'a')
  try {
    return commandOf(spawn(program, args, { cwd, env, stdio: ['ignore', log, log], detached: true }))
  } catch (error) {
    // What no process can be given, such as a NUL in an argument.
    return notStarted((error as Error).message)
  } finally {
    closeSync(log)
  }
}

export const notStarted = (reason: string): Command => ({
  ended: Promise.resolve({ kind: 'not-started', reason }),
  stop: () => undefined,
  trace: undefined,
})

/** Ends a group that an agent left when it was killed. The same number may be another process by now: that is left alone. */
export const endLeftOverCommand = async (trace: string): Promise<void> => {
  const groupId = groupOf(trace)
  if (groupId !== undefined) await endGroup(groupId, () => 0)
}

/** What a command that has ended left behind in its group is given so long to go. */
const leftBehindGraceMs = 1_000

const commandOf = (child: ChildProcess): Command => {
  const startedAt = performance.now()
  const { promise, resolve } = Promise.withResolvers<CommandEnd>()
  let killAt = Number.POSITIVE_INFINITY
  let isEnding = false
  /** By force at that time, or sooner if `killAt` moves nearer. */
  const end = async (graceMs: number): Promise<void> => {
    isEnding = true
    killAt = Math.min(killAt, performance.now() + graceMs)
    if (child.pid !== undefined) await endGroup(child.pid, () => killAt)
  }
  child.once('error', (error) => resolve({ kind: 'not-started', reason: error.message }))
  child.once('exit', (exitCode, signal) => {
    const durationMs = Math.round(performance.now() - startedAt)
    // What it left behind must not go on using the bench; once asked to end, it has the time it was given.
    const gone = end(isEnding ? Number.POSITIVE_INFINITY : leftBehindGraceMs)
    void gone.then(() => resolve({ kind: 'exited', exitCode, signal, durationMs }))
  })
  const stop = (graceMs: number): void => {
    if (isEnding) killAt = Math.min(killAt, performance.now() + graceMs)
    else void end(graceMs)
  }
  return { ended: promise, stop, trace: traceOf(child.pid) }
}

/** How it ended, for people; undefined when all is well. */
export const failureOf = (end: CommandEnd): string | undefined => {
  if (end.kind === 'not-started') return `could not be started: ${end.reason}`
  const { exitCode, signal, durationMs } = end
  if (exitCode === 0) return undefined
  return `${exitCode === null ? `was ended by ${signal}` : `exited with ${exitCode}`} after ${durationMs} ms`
}
