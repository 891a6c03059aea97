import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, print, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { plain } from './plain.ts'
import { exitOf } from './problems.ts'
import { startProgress } from './progress.ts'
import { showWorker } from './workerFacts.ts'

interface DrainOptions {
  wait: boolean
  waitTimeout?: number
  force: boolean
}

const waitMsDefault = 3_600_000
const askEveryMs = 1_000
/** A server that restarts meanwhile is waited for. */
const retryForMs = 60_000

/** What still runs under a session that was told to drain; undefined once it is closed. */
type Running = { attempts: number } | undefined

/** Closes the worker's session; while it runs something it is told to drain, and ends by itself. */
export const drain = async (context: Context, workerId: string, options: DrainOptions): Promise<void> => {
  const { wait, waitTimeout, force } = options
  if (waitTimeout !== undefined && !wait) throw exit(exits.usage, '--wait-timeout needs --wait')
  const found = valueOf(context, await context.client.getWorker({ params: { workerId }, query: { consistent: true } }))
  if (found.session === undefined) throw exit(exits.refused, `worker ${plain(workerId)} has no session`)
  const asked = { params: { workerId, epoch: found.session.epoch }, query: { force } }
  const running = await close(context, asked)
  if (running === undefined) return showClosed(context, workerId)
  if (!wait) return tell(context, workerId, running.attempts)
  await closed(context, asked, running.attempts, waitTimeout ?? waitMsDefault)
  return showClosed(context, workerId)
}

type Asked = { params: { workerId: string; epoch: number }; query: { force: boolean } }

/** A session that has been closed or superseded meanwhile is over all the same. */
const close = async (context: Context, asked: Asked): Promise<Running> => {
  const answer = await context.client.closeSession(asked, { retryForMs })
  if (answer.ok || answer.problem.code === 'stale-epoch') return undefined
  const { code, attempts } = answer.problem as { code: string; attempts?: readonly unknown[] }
  if (code !== 'attempts-running') throw exitOf(answer.problem, context.terminal.now())
  return { attempts: attempts?.length ?? 0 }
}

const showClosed = async (context: Context, workerId: string): Promise<void> =>
  showWorker(
    context,
    valueOf(context, await context.client.getWorker({ params: { workerId }, query: { consistent: true } })),
  )

const tell = (context: Context, workerId: string, runningCount: number): void =>
  print(context, { workerId, isDraining: true, runningCount }, () =>
    [
      `worker ${plain(workerId)} drains: it is told with its next heartbeat, claims nothing more, and ends after`,
      `the ${runningCount} attempt(s) that it runs. --wait waits for that, --force does not: they are lost then.`,
    ].join('\n'),
  )

/** Asks again until the session is closed: by this, or by its agent. */
const closed = async (context: Context, asked: Asked, firstCount: number, timeoutMs: number): Promise<void> => {
  const untilMs = context.terminal.now().getTime() + timeoutMs
  const progress = startProgress(context.terminal, !context.isJson)
  try {
    for (let count = firstCount; ; ) {
      progress.at(Math.max(0, firstCount - count), firstCount, 'attempts ended')
      if (context.terminal.now().getTime() >= untilMs)
        throw exit(exits.timedOut, `worker ${plain(asked.params.workerId)} still runs ${count} attempt(s)`)
      await sleep(askEveryMs)
      const running = await close(context, asked)
      if (running === undefined) return
      count = running.attempts
    }
  } finally {
    progress.end()
  }
}
