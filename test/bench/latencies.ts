/** What the house does by itself, in process: how soon a view has it, how soon the queue moves up. */
import { openHouse } from '../../infra/local.ts'
import { commandOf } from './house.ts'
import { inTemporaryDirectory, percentile, printRows, type Row, whole } from './measure.ts'
import { openLoop } from './server.ts'

const hour = 3_600_000
const atMost = (what: string, latencies: readonly number[], ms: number): Row => {
  const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)]
  return {
    what,
    target: `p99 < ${ms} ms`,
    measured: `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, of ${whole(latencies.length)}`,
    met: p99 < ms,
  }
}

const rows = await inTemporaryDirectory(async (directory): Promise<readonly Row[]> => {
  const house = await openHouse({ store: 'sqlite', directory })
  const { services } = house
  const submit = (kind: 'bench' | 'reservation', id: string, type: string, data: unknown) =>
    services.submit(commandOf(kind, id, type, data))
  for (let n = 0; n < 500; n++) await submit('bench', `b${n}`, 'RegisterBench', { benchId: `b${n}`, type: 'hil' })

  const visible: number[] = []
  const appended = await openLoop(10_000, 1_000, async (n) => {
    const start = new Date(Date.now() + hour + Math.floor(n / 500) * 2 * hour).toISOString()
    const outcome = await submit('reservation', `v${n}`, 'RequestReservation', {
      holder: 'ada',
      benches: [{ benchId: `b${n % 500}` }],
      start,
      durationMs: hour,
    })
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
    const done = performance.now()
    await services.views.row('reservations', 'default', `v${n}`, 1)
    visible.push(performance.now() - done)
  })

  const pulled: number[] = []
  for (let n = 0; n < 1_000; n++) {
    const start = new Date(Date.now() + 100 * 24 * hour).toISOString()
    const ask = { holder: 'ada', benches: [{ benchId: `b${n % 500}` }], start, durationMs: hour }
    await submit('reservation', `first${n}`, 'RequestReservation', ask)
    const queued = await submit('reservation', `next${n}`, 'RequestReservation', { ...ask, queue: true })
    if (queued.kind !== 'done') throw new Error(JSON.stringify(queued))
    await house.settled()
    const freed = performance.now()
    await submit('reservation', `first${n}`, 'CancelReservation', {})
    await services.views.row('reservations', 'default', `next${n}`, 2)
    pulled.push(performance.now() - freed)
    await submit('reservation', `next${n}`, 'CancelReservation', {})
  }
  await house.close()
  return [
    atMost('appended → visible in the view, 1,000 bookings/s', visible, 50),
    atMost('a booking durable, 1,000/s, views and policies running', appended, 50),
    atMost('interval freed → queued reservation pulled forward and visible', pulled, 50),
  ]
})
printRows(rows)
