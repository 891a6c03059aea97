/** Commands over HTTP: the real server in one process, the load in another, on loopback. */
import autocannon from 'autocannon'
import { inTemporaryDirectory, percentile, printRows, type Row, whole } from './measure.ts'
import { openLoop, send, startMeasured } from './server.ts'

const hour = 3_600_000
const benchCount = 2_000
const bookingOf = (n: number) => ({
  holder: 'ada',
  benches: [{ benchId: `b${n % benchCount}` }],
  start: new Date(Date.now() + hour + Math.floor(n / benchCount) * 2 * hour).toISOString(),
  durationMs: hour,
})

interface Closed {
  perSecond: number
  p99: number
}

/** 32 connections, each with its next request as soon as it is answered; anything but a 201 ends the measurement. */
const closedLoop = async (
  url: string,
  seconds: number,
  next: () => { path: string; method: 'PUT' | 'POST'; body: string },
): Promise<Closed> => {
  const result = await autocannon({
    url,
    connections: 32,
    duration: seconds,
    headers: { 'content-type': 'application/json' },
    requests: [{ setupRequest: (request) => ({ ...request, ...next() }) }],
  })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} errors`)
  return { perSecond: result.requests.average, p99: result.latency.p99 }
}

const registerAll = async (url: string): Promise<void> => {
  for (let n = 0; n < benchCount; n++)
    await send(url, 'POST', '/v1/benches', { benchId: `b${n}`, type: 'hil' }, { key: `b${n}` })
}

const closed = (what: string, { perSecond, p99 }: Closed): Row => ({
  what,
  target: '≥ 5,000/s, p99 < 20 ms',
  measured: `${whole(perSecond)}/s, p99 ${p99} ms`,
  met: perSecond >= 5_000 && p99 < 20,
})
const paced = (what: string, latencies: readonly number[]): Row => {
  const p99 = percentile(latencies, 99)
  return {
    what,
    target: 'p99 < 5 ms',
    measured: `p50 ${percentile(latencies, 50).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    met: p99 < 5,
  }
}

const rows = await inTemporaryDirectory(async (directory): Promise<readonly Row[]> => {
  const server = await startMeasured(directory)
  const { url } = server
  await registerAll(url)
  let n = 0
  const message = () => ({
    path: `/v1/messages/m${++n}`,
    method: 'PUT' as const,
    body: JSON.stringify({ text: 'x'.repeat(200), n }),
  })
  let booked = 0
  const booking = () => ({
    path: '/v1/reservations',
    method: 'POST' as const,
    body: JSON.stringify(bookingOf(booked++)),
  })
  await closedLoop(url, 3, message)
  const pacedBookings = (key: string) =>
    openLoop(5_000, 1_000, () =>
      send(url, 'POST', '/v1/reservations', bookingOf(booked++), { key: `${key}-${booked}` }),
    )
  const open = await openLoop(10_000, 1_000, (index) =>
    send(url, 'PUT', `/v1/messages/open-${index}`, { index }, { key: `k${index}` }),
  )
  const openBookings = await pacedBookings('before')
  const messages = await closedLoop(url, 8, message)
  const bookings = await closedLoop(url, 8, booking)
  const bookingsAfter = await pacedBookings('after')
  await server.stop()
  return [
    closed('HTTP, 32 connections: accept a message', messages),
    closed('HTTP, 32 connections: book a bench', bookings),
    paced('HTTP, 1,000 messages/s, open loop', open),
    paced('HTTP, 1,000 bookings/s, open loop', openBookings),
    paced('the same, right after the bookings of 32 connections', bookingsAfter),
  ]
})
printRows(rows)
process.exit(0)
