/** Workers over HTTP: heartbeats, claims and reports, idle waiting, and how soon silence is noticed. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ask,
  beat,
  claim,
  commitCount,
  complete,
  cpuSeconds,
  eachOf,
  reservedFor,
  type Worker,
  workersAt,
} from './lab.ts'
import { inTemporaryDirectory, percentile, printRows, type Row, whole } from './measure.ts'
import { type MeasuredServer, openLoop, startMeasured, waitingAgent } from './server.ts'

const taskCount = 100

const submit = (url: string, executionId: string, reservationId: string, count: number) => {
  const tasks = Array.from({ length: count }, (_, n) => ({ name: `t${n}`, run: { command: 'true' } }))
  return ask(url, ['POST', '/v1/executions'], { executionId, reservationId, tasks }, [201], {
    headers: { prefer: 'return=minimal' },
  })
}

const onServer = (measure: (server: MeasuredServer) => Promise<readonly Row[]>): Promise<readonly Row[]> =>
  inTemporaryDirectory(async (directory) => {
    const server = await startMeasured(directory)
    try {
      return await measure(server)
    } finally {
      await server.stop()
    }
  })

const heartbeats = onServer.bind(undefined, async ({ url, pid }) => {
  const perSecond = 5_000
  const workers = await workersAt(url, 500)
  const next = (n: number) => beat(url, workers[n % workers.length] as Worker)
  await openLoop(perSecond, perSecond, next)
  const before = await commitCount(url)
  const cpuBefore = cpuSeconds(pid)
  const startedAt = performance.now()
  const latencies = await openLoop(perSecond * 10, perSecond, next)
  const cores = (cpuSeconds(pid) - cpuBefore) / ((performance.now() - startedAt) / 1_000)
  const appended = (await commitCount(url)) - before
  const p99 = percentile(latencies, 99)
  return [
    {
      what: '5,000 heartbeats/s over HTTP, open loop, 10 s',
      target: 'p99 < 20 ms, nothing appended, one core',
      measured: `p50 ${percentile(latencies, 50).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${appended} appended, ${cores.toFixed(2)} cores`,
      met: p99 < 20 && appended === 0 && cores <= 1.05,
    },
  ]
})

/** Each worker claims and completes until nothing is left. */
const work = async (url: string, worker: Worker): Promise<number> => {
  for (let count = 0; ; count++) {
    const claimed = await claim(url, worker, 0)
    if (claimed === undefined) return count
    await complete(url, worker, claimed)
  }
}

const tasks = onServer.bind(undefined, async ({ url, pid }) => {
  const executionCount = 4
  const workers = await workersAt(url, 64)
  await eachOf(workers, 32, async (worker) => {
    const reservationId = await reservedFor(url, worker)
    for (let n = 0; n < executionCount; n++) await submit(url, `e-${worker.workerId}-${n}`, reservationId, taskCount)
  })
  await sleep(1_000)
  const cpuBefore = cpuSeconds(pid)
  const startedAt = performance.now()
  const counts = await Promise.all(workers.map((worker) => work(url, worker)))
  const perSecond = (counts.reduce((sum, count) => sum + count) / (performance.now() - startedAt)) * 1_000
  const perCpuSecond = counts.reduce((sum, count) => sum + count) / (cpuSeconds(pid) - cpuBefore)
  const expected = workers.length * executionCount * taskCount
  const done = counts.reduce((sum, count) => sum + count)
  return [
    {
      what: `tasks claimed and completed over HTTP by 64 workers, ${whole(done)} of ${whole(expected)}`,
      target: '≥ 2,000/s',
      measured: `${whole(perSecond)}/s; ${whole(perCpuSecond)} per second of the server's processor time`,
      met: perSecond >= 2_000 && done === expected,
    },
  ]
})

const firstClaims = onServer.bind(undefined, async ({ url }) => {
  const [worker] = (await workersAt(url, 1)) as [Worker]
  const reservationId = await reservedFor(url, worker)
  const latencies: number[] = []
  for (let n = 0; n < 500; n++) {
    const claiming = claim(url, worker, 25_000)
    await sleep(5)
    const submittedAt = performance.now()
    const submitting = submit(url, `first-${n}`, reservationId, 1)
    const claimed = await claiming
    latencies.push(performance.now() - submittedAt)
    await submitting
    if (claimed === undefined) throw new Error('nothing was claimed')
    await complete(url, worker, claimed)
  }
  const p99 = percentile(latencies, 99)
  return [
    {
      what: 'submit → first claim answered, with a waiting worker',
      target: 'p99 < 50 ms',
      measured: `p50 ${percentile(latencies, 50).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
      met: p99 < 50,
    },
  ]
})

const idle = onServer.bind(undefined, async ({ url, pid }) => {
  const workers = await workersAt(url, 500)
  const over = new AbortController()
  const live = async (worker: Worker): Promise<void> => {
    await sleep(Math.random() * 10_000)
    while (!over.signal.aborted) await claim(url, worker, 25_000, { agent: waitingAgent })
  }
  const beats = async (worker: Worker): Promise<void> => {
    await sleep(Math.random() * 10_000)
    while (!over.signal.aborted) {
      await beat(url, worker)
      await sleep(10_000)
    }
  }
  const lives = workers.flatMap((worker) => [live(worker), beats(worker)])
  await sleep(12_000)
  const before = cpuSeconds(pid)
  await sleep(30_000)
  const share = (cpuSeconds(pid) - before) / 30
  over.abort()
  await Promise.race([Promise.all(lives), sleep(26_000)])
  return [
    {
      what: '500 idle workers, each waiting for a claim and beating every 10 s, over 30 s',
      target: '< 5 % of a core',
      measured: `${(share * 100).toFixed(1)} %`,
      met: share < 0.05,
    },
  ]
})

const workerCount = 10_000
const silentCount = 4_000
const beatEveryMs = 10_000

/** Beats for all that are not silent yet, each on its own schedule; answers when each of the silent was last heard. */
const beatUntil = async (
  url: string,
  workers: readonly Worker[],
  silentAfterMs: readonly number[],
  forMs: number,
): Promise<ReadonlyMap<string, number>> => {
  const startedAt = Date.now()
  const heard = new Map<string, number>()
  const live = async (worker: Worker, n: number): Promise<void> => {
    await sleep((n / workers.length) * beatEveryMs)
    for (;;) {
      const elapsedMs = Date.now() - startedAt
      if (elapsedMs > Math.min(forMs, silentAfterMs[n] ?? forMs)) return
      const sentAt = Date.now()
      await beat(url, worker)
      heard.set(worker.workerId, sentAt)
      await sleep(Math.max(0, sentAt + beatEveryMs - Date.now()))
    }
  }
  await Promise.all(workers.map(live))
  return heard
}

interface Expired {
  items: readonly { type: string; stream: string; at: string }[]
  nextCursor: string
}

/** When each session was declared lost, as history has it. */
const expiries = async (url: string): Promise<ReadonlyMap<string, number>> => {
  const found = new Map<string, number>()
  for (let cursor: string | undefined; ; ) {
    const after = cursor === undefined ? '' : `after=${encodeURIComponent(cursor)}&`
    const query = `${after}kind=worker&type=WorkerSessionExpired&limit=500`
    const page = (await (await fetch(`${url}/v1/events?${query}`)).json()) as Expired
    for (const { stream, at } of page.items) found.set(stream.split('/').at(-1) ?? '', Date.parse(at))
    if (page.nextCursor === cursor) return found
    cursor = page.nextCursor
  }
}

const losses = onServer.bind(undefined, async ({ url }) => {
  const workers = await workersAt(url, workerCount)
  const silentAfterMs = Array.from({ length: silentCount }, () => 15_000 + Math.random() * beatEveryMs)
  const heard = await beatUntil(url, workers, silentAfterMs, 75_000)
  const lost = await expiries(url)
  const silent = workers.slice(0, silentCount)
  const tookMs = silent.map(({ workerId }) => (lost.get(workerId) ?? Infinity) - (heard.get(workerId) ?? 0))
  const p99 = percentile(tookMs, 99)
  const wrong = [...lost.keys()].filter((workerId) => !silent.some((one) => one.workerId === workerId)).length
  return [
    {
      what: `last heartbeat → declared lost, ${whole(silentCount)} of ${whole(workerCount)} workers gone silent`,
      target: 'p99 ≤ 41 s, nobody else',
      measured: `p50 ${(percentile(tookMs, 50) / 1_000).toFixed(2)} s, p99 ${(p99 / 1_000).toFixed(2)} s, ${wrong} others`,
      met: p99 <= 41_000 && wrong === 0,
    },
  ]
})

const all = { heartbeats, tasks, firstClaims, idle, losses }
const only = process.argv.slice(2)
const rows: Row[] = []
for (const [name, measure] of Object.entries(all))
  if (only.length === 0 || only.includes(name)) rows.push(...(await measure()))
printRows(rows)
process.exit(0)
