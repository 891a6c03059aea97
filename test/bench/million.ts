/** A history of a million events: written, started on, verified, its views rebuilt; and what the server weighs. */
import { readFileSync } from 'node:fs'
import { openHouse } from '../../infra/local.ts'
import { rebuildViews } from '../../infra/views/rebuild.ts'
import { intent, openWritePath, registration } from './house.ts'
import { inTemporaryDirectory, median, printRows, type Row, whole } from './measure.ts'
import { startMeasured } from './server.ts'

const eventCount = 1_000_000
const benchCount = 2_000
const hour = 3_600_000

/** Reservations' lives over many benches: booked, transferred, cancelled; every event has its place in a view. */
const write = async (directory: string): Promise<void> => {
  const { store, handle } = openWritePath(directory)
  for (let n = 0; n < benchCount; n++) await handle(registration(`b${n}`))
  const from = Date.now() + hour
  let written = benchCount
  let next = 0
  const life = async (): Promise<void> => {
    while (written < eventCount) {
      const n = next++
      const id = `r${n}`
      const start = new Date(from + (n % 40) * 2 * hour).toISOString()
      const data = {
        holder: `team-${n % 50}`,
        benches: [{ benchId: `b${n % benchCount}` }],
        start,
        durationMs: hour,
        priority: 50,
        queue: false,
        checkInWithinMs: 0,
        graceMs: 0,
      }
      await handle(intent('reservation', id, 'RequestReservation', data))
      await handle(intent('reservation', id, 'TransferReservation', { holder: 'somebody-else' }))
      await handle(intent('reservation', id, 'CancelReservation', {}))
      written += 6
    }
  }
  await Promise.all(Array.from({ length: 64 }, life))
  await store.close()
}

const megabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1_024

const rows = await inTemporaryDirectory(async (directory): Promise<readonly Row[]> => {
  await write(directory)
  const rebuildStart = performance.now()
  await rebuildViews(directory)
  const rebuildSeconds = (performance.now() - rebuildStart) / 1_000

  const house = await openHouse({ store: 'sqlite', directory })
  const verifyStart = performance.now()
  const verification = await house.services.verify(undefined)
  const perSecond = (verification.commitCount / (performance.now() - verifyStart)) * 1_000
  await house.close()
  if (!verification.ok) throw new Error(JSON.stringify(verification.failures.slice(0, 3)))

  const starts: number[] = []
  let rss = 0
  for (let n = 0; n < 5; n++) {
    const server = await startMeasured(directory)
    starts.push(server.readyMs)
    rss = megabytes(server.pid)
    await server.stop()
  }
  const ready = median(starts)
  return [
    {
      what: `views rebuilt from ${whole(eventCount)} events`,
      target: '≤ 60 s',
      measured: `${rebuildSeconds.toFixed(1)} s`,
      met: rebuildSeconds <= 60,
    },
    {
      what: `verify of ${whole(verification.commitCount)} commits`,
      target: '≥ 100,000 commits/s',
      measured: `${whole(perSecond)} commits/s`,
      met: perSecond >= 100_000,
    },
    {
      what: 'server process ready on that history',
      target: '< 1 s',
      measured: `${(ready / 1_000).toFixed(2)} s, ${whole(rss)} MB`,
      met: ready < 1_000,
    },
  ]
})
printRows(rows)
