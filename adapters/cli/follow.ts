import type { ValueOf } from '../client/operations.ts'
import { type Context, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { newLogs } from './followLogs.ts'
import { exitOf } from './problems.ts'
import { type Progress, startProgress } from './progress.ts'
import { status } from './show.ts'

export type Execution = ValueOf<'getExecution'>

/** A server that restarts meanwhile is waited for. */
const retryForMs = 60_000
/** Longest that a timer can wait: almost 25 days. */
const timerMsMax = 2_147_483_647

/**
 * Watches an execution until it is finished, told by its events: each change of a task on stderr, each line of each log on
 * stdout (not with --json), and how far it is. Too long is timed out: the execution goes on.
 */
export const followExecution = async (
  context: Context,
  executionId: string,
  timeoutMs?: number,
): Promise<Execution> => {
  const timeout =
    timeoutMs === undefined ? new AbortController().signal : AbortSignal.timeout(Math.min(timeoutMs, timerMsMax))
  const progress = startProgress(context.terminal, !context.isJson)
  const logs = newLogs(context, executionId, progress)
  const told = new Map<string, string>()
  try {
    for await (const execution of changes(context, executionId, timeout)) {
      tell(context, progress, told, execution)
      logs.watch(execution)
      if (execution.status === 'finished') {
        await logs.end()
        return execution
      }
    }
    throw exit(exits.unreachable, 'the events ended')
  } catch (error) {
    if (timeout.aborted) throw exit(exits.timedOut, `execution ${executionId} is still not finished; it goes on`)
    throw error
  } finally {
    logs.stop()
    progress.end()
  }
}

/** The execution as it is once one listens, and again after each of its events. */
async function* changes(context: Context, executionId: string, signal: AbortSignal): AsyncGenerator<Execution, void> {
  const subject = `execution/${executionId}`
  const messages = context.client.followEvents({ query: { kind: 'execution' } }, { signal, retryForMs })
  for await (const message of messages) {
    if (message.kind === 'refused') throw exitOf(message.problem, context.terminal.now())
    if (message.kind === 'message' && (JSON.parse(message.data) as { subject?: string }).subject !== subject) continue
    const asked = { params: { executionId }, query: { consistent: true } }
    yield valueOf(context, await context.client.getExecution(asked, { signal, retryForMs }))
  }
}

const tell = (context: Context, progress: Progress, told: Map<string, string>, { tasks }: Execution): void => {
  const { terminal } = context
  const over = tasks.filter((task) => !isOpen.has(task.status))
  const running = tasks.filter((task) => task.status === 'running').map(({ name }) => name)
  for (const { name, status: is, attempts } of tasks) {
    const now = `${is} ${attempts.length}`
    if (told.get(name) === now || is === 'pending' || is === 'ready') continue
    told.set(name, now)
    const which = attempts.length > 1 ? ` (attempt ${attempts.length})` : ''
    progress.line(() => terminal.err(`${name}: ${status({ ...terminal, colours: terminal.errColours }, is)}${which}`))
  }
  progress.at(over.length, tasks.length, running.join(', '))
}

const isOpen: ReadonlySet<string> = new Set(['pending', 'ready', 'running', 'waiting-retry'])
