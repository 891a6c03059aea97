/** A lab over HTTP: benches, workers and what they are given to do, as their clients would. */
import { readFileSync } from 'node:fs'
import { type SendOptions, send } from './server.ts'

export interface Worker {
  workerId: string
  benchId: string
  epoch: number
}

/** Demands the status; its answer as JSON, if there is one. */
export const ask = async <Answer>(
  url: string,
  [method, path]: readonly [string, string],
  body: unknown,
  wanted: readonly number[],
  options: SendOptions = {},
): Promise<Answer | undefined> => {
  const { status, text } = await send(url, method, path, body, options)
  if (!wanted.includes(status)) throw new Error(`${method} ${path}: ${status} ${text}`)
  return text === '' ? undefined : (JSON.parse(text) as Answer)
}

/** So many at a time. */
export const eachOf = async <Item>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const queue = items.values()
  const walk = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, walk))
}

/** Workers with a bench each, and a session that serves it. */
export const workersAt = async (url: string, count: number): Promise<readonly Worker[]> => {
  const workers = Array.from({ length: count }, (_, n) => ({ workerId: `w${n}`, benchId: `wb${n}`, epoch: 0 }))
  await eachOf(workers, 32, async (worker) => {
    const { workerId, benchId } = worker
    await ask(url, ['POST', '/v1/benches'], { benchId, type: 'hil' }, [201])
    await ask(url, ['PUT', `/v1/workers/${workerId}`], {}, [201])
    const session = { benches: [benchId], agentVersion: 'bench' }
    const opened = await ask<{ epoch: number }>(url, ['POST', `/v1/workers/${workerId}/sessions`], session, [201])
    worker.epoch = opened?.epoch ?? 0
  })
  return workers
}

/** A reservation of the worker's bench that is active now. */
export const reservedFor = async (url: string, { benchId }: Worker): Promise<string> => {
  const reservationId = `r-${benchId}`
  const body = { reservationId, holder: 'ada', benches: [{ benchId }], durationMs: 6 * 3_600_000 }
  await ask(url, ['POST', '/v1/reservations'], body, [201])
  return reservationId
}

export interface Claim {
  executionId: string
  taskName: string
  attempt: number
}

export const claim = (url: string, { workerId, epoch }: Worker, waitMs: number, options: SendOptions = {}) =>
  ask<Claim>(url, ['POST', `/v1/workers/${workerId}/claim`], { epoch, waitMs }, [200, 204], options)

export const complete = (url: string, { workerId, epoch }: Worker, { executionId, taskName, attempt }: Claim) =>
  ask(
    url,
    ['POST', `/v1/executions/${executionId}/tasks/${taskName}/attempts/${attempt}/complete`],
    { workerId, epoch },
    [200],
    { headers: { prefer: 'return=minimal' } },
  )

export const beat = (url: string, { workerId, epoch }: Worker, attempts: readonly Claim[] = []) =>
  ask(url, ['POST', `/v1/workers/${workerId}/heartbeat`], { epoch, attempts }, [200])

/** How many commits history has. */
export const commitCount = async (url: string): Promise<number> => {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^benchplane_appended_commits_total (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN)
}

/** Processor time that a process has used, in seconds; the kernel counts in hundredths. */
export const cpuSeconds = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
