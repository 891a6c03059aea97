/**
 * How soon what was acknowledged is seen on DynamoDB: one server process with its own stream runner, a hundred commands a
 * second over HTTP whether or not the ones before are answered, and who asks for each.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { anybody, start } from '../adapters/dynamodbLocal.ts'
import { inTemporaryDirectory, percentile, printRows, type Row, whole } from './measure.ts'
import { openLoop, send, startMeasured, waitingAgent } from './server.ts'

const hour = 3_600_000
const benchCount = 300
const perSecond = Number(process.env['RATE'] ?? 100)
const seconds = Number(process.env['SECONDS'] ?? 30)
const warmUpSeconds = 5

/** Asking again and again whether a row is there costs requests: it is done for one command in so many. */
const sampleEvery = 20
const askEveryMs = 5

const { region, credentials } = anybody
const environment = (endpoint: string) => ({
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
})

/** When each reservation's first event came over one long connection. */
const follow = async (url: string, arrivedAt: Map<string, number>): Promise<AbortController> => {
  const ender = new AbortController()
  const answer = await fetch(`${url}/v1/events/live?kind=reservation`, {
    headers: { accept: 'text/event-stream' },
    signal: ender.signal,
  })
  if (!answer.ok || answer.body === null) throw new Error(`no stream of events: ${answer.status}`)
  const parser = createParser({
    onEvent: ({ data }) => {
      const { subject = '' } = JSON.parse(data) as { subject?: string }
      const id = subject.slice(subject.lastIndexOf('/') + 1)
      if (!arrivedAt.has(id)) arrivedAt.set(id, performance.now())
    },
  })
  const { body } = answer
  void (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of body) parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
  })().catch((error: unknown) => {
    if (!ender.signal.aborted) throw error
  })
  return ender
}

let booked = 0

/** An hour each, one after the other on each bench. */
const bookingOf = (reservationId: string) => {
  const n = booked++
  return {
    reservationId,
    holder: 'ada',
    benches: [{ benchId: `b${n % benchCount}` }],
    start: new Date(Date.now() + hour + Math.floor(n / benchCount) * 2 * hour).toISOString(),
    durationMs: hour,
  }
}

interface Seen {
  acknowledged: number[]
  /** From the acknowledgement on: by who asks until it is there, by who lets the server wait, over the events' stream. */
  asked: number[]
  awaited: number[]
  told: number[]
}

const expectStatus = (what: string, { status, text }: { status: number; text: string }, wanted: number): void => {
  if (status !== wanted) throw new Error(`${what}: ${status} ${text}`)
}

/** One command, and everything that is looked at after it. */
const command =
  (url: string, prefix: string, seen: Seen, arrivedAt: ReadonlyMap<string, number>) => async (n: number) => {
    const begun = performance.now()
    const key = `${prefix}-${n}`
    const answer = await send(url, 'POST', '/v1/reservations', bookingOf(key), { key })
    expectStatus('a booking', answer, 201)
    const done = performance.now()
    seen.acknowledged.push(done - begun)
    const { reservationId: id } = JSON.parse(answer.text) as { reservationId: string }
    await Promise.all([awaited(url, id, done, seen), n % sampleEvery === 0 ? asked(url, id, done, seen) : undefined])
    while (!arrivedAt.has(id)) await wait(100)
    seen.told.push(Math.max(0, (arrivedAt.get(id) ?? 0) - done))
  }

const awaited = async (url: string, id: string, done: number, seen: Seen): Promise<void> => {
  const answer = await send(url, 'GET', `/v1/reservations/${id}?minVersion=1`, undefined, { agent: waitingAgent })
  expectStatus(`${id}, waiting`, answer, 200)
  seen.awaited.push(performance.now() - done)
}

/** A plain read tells what the row shows; the time of the request that found it counts as well. */
const asked = async (url: string, id: string, done: number, seen: Seen): Promise<void> => {
  for (;;) {
    const { status } = await send(url, 'GET', `/v1/reservations/${id}`, undefined, { agent: waitingAgent })
    if (status === 200) break
    await wait(askEveryMs)
  }
  seen.asked.push(performance.now() - done)
}

const rowOf = (what: string, target: number | undefined, values: readonly number[]): Row => {
  const [p50, p99] = [percentile(values, 50), percentile(values, 99)]
  const measured = `p50 ${whole(p50)} ms, p99 ${whole(p99)} ms, of ${whole(values.length)}`
  return target === undefined
    ? { what, target: 'beside the others', measured }
    : { what, target: `p99 < ${target} ms`, measured, met: p99 < target }
}

const measured = async (endpoint: string, directory: string): Promise<readonly Row[]> => {
  const server = await startMeasured(directory, {
    options: ['--store', 'dynamodb', '--create-tables'],
    environment: environment(endpoint),
  })
  const { url } = server
  for (let n = 0; n < benchCount; n++) {
    const answer = await send(url, 'POST', '/v1/benches', { benchId: `b${n}`, type: 'hil' }, { key: `b${n}` })
    expectStatus('a bench', answer, 201)
  }
  const arrivedAt = new Map<string, number>()
  const following = await follow(url, arrivedAt)
  const nothing = (): Seen => ({ acknowledged: [], asked: [], awaited: [], told: [] })
  await openLoop(warmUpSeconds * perSecond, perSecond, command(url, 'warm', nothing(), arrivedAt))
  const seen = nothing()
  await openLoop(seconds * perSecond, perSecond, command(url, 'timed', seen, arrivedAt))
  following.abort()
  await server.stop()
  const rate = `${perSecond} bookings/s on DynamoDB`
  return [
    rowOf(`${rate}: acknowledged`, undefined, seen.acknowledged),
    rowOf(`${rate}: acknowledged → in the view, seen by asking every ${askEveryMs} ms`, 500, seen.asked),
    rowOf(`${rate}: acknowledged → in the view, for who waits with minVersion`, 500, seen.awaited),
    rowOf(`${rate}: acknowledged → over the stream of events`, 500, seen.told),
  ]
}

const engine = await start()
try {
  printRows(await inTemporaryDirectory((directory) => measured(engine.endpoint, directory)))
} finally {
  await engine.stop()
}
process.exit(0)
