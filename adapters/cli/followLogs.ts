import type { ValueOf } from '../client/operations.ts'
import type { Context } from './context.ts'
import { byLine, followLog } from './followLog.ts'
import type { Progress } from './progress.ts'

type Execution = ValueOf<'getExecution'>

/** The logs of all attempts of an execution at once, each line with its task's name before it. */
export interface Logs {
  /** Begins to follow attempts that have started. */
  watch(execution: Execution): void
  /** Resolves when all have said what they had to say, 10 s at most. */
  end(): Promise<void>
  stop(): void
}

const endWithinMs = 10_000
const retryForMs = 60_000

export const newLogs = ({ client, terminal, isJson }: Context, executionId: string, progress: Progress): Logs => {
  const stopped = new AbortController()
  const followed = new Map<string, Promise<unknown>>()
  const { cyan, magenta, blue, yellow, green, dim } = terminal.colours
  const paints = [cyan, magenta, blue, yellow, green]
  const widthOf = ({ tasks }: Execution): number =>
    Math.min(nameLengthMax, Math.max(...tasks.map(({ name }) => name.length)))

  const followOne = async (taskName: string, attempt: number, prefix: string): Promise<void> => {
    const lines = byLine((line) => progress.line(() => terminal.out(`${prefix}${line}`)))
    const asked = { params: { executionId }, query: { taskName, attempt } }
    const options = { signal: stopped.signal, retryForMs }
    // A log that can't be had is no reason to stop watching.
    await followLog(client, asked, ({ text }) => lines.add(text), options).catch(() => undefined)
    lines.end()
  }
  const watch = (execution: Execution): void => {
    if (isJson) return
    for (const [index, { name, attempts }] of execution.tasks.entries())
      for (const { attempt } of attempts) {
        const key = `${name}/${attempt}`
        const paint = paints[index % paints.length] ?? cyan
        if (!followed.has(key))
          followed.set(key, followOne(name, attempt, `${paint(name.padEnd(widthOf(execution)))} ${dim('│')} `))
      }
  }
  return {
    watch,
    end: async () => {
      const timer = setTimeout(() => stopped.abort(), endWithinMs)
      await Promise.all(followed.values())
      clearTimeout(timer)
    },
    stop: () => stopped.abort(),
  }
}

const nameLengthMax = 24
