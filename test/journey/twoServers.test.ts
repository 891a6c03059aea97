import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { beat, begin, bench, eventsOf, executionId, expectWhole, session, steps, wholeLife } from './life.ts'
import { call, everything, type Place, type RunningServer, startServer } from './server.ts'
import { dynamodb } from './stores.ts'

const { place } = dynamodb()
/** A step of the lease clock is a second; two without its keeper, and another is. */
const env = { BENCHPLANE_LEASE_MS: '4000', BENCHPLANE_HEARTBEAT_EVERY_MS: '400' }

/** Two on the same tables and files; the first is the keeper. */
const openServers = async (): Promise<{ first: RunningServer; second: RunningServer; shared: Place }> => {
  const shared = place()
  const first = await startServer(shared, [], env)
  return { first, second: await startServer(shared, [], env), shared }
}

const enrol = async (url: string): Promise<void> => {
  await call(url, 'POST', '/v1/benches', bench)
  await call(url, 'PUT', '/v1/workers/w-1')
  const opened = await call(url, 'POST', '/v1/workers/w-1/sessions', { benches: ['rig-1'], agentVersion: '1' })
  expect(opened.body).toMatchObject({ epoch: session.epoch })
}

/** The types of what a server tells of an execution as it happens. */
const listenTo = async (url: string, id: string): Promise<string[]> => {
  const types: string[] = []
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const response = await fetch(`${url}/v1/events/live`, { signal: ending.signal })
  const read = async (): Promise<void> => {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const messages = text.split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) {
        const data = /^data: ?(.*)$/m.exec(message)?.[1]
        const event = data === undefined ? {} : (JSON.parse(data) as { subject?: string; type?: string })
        if (event.subject === `execution/${id}`) types.push(event.type?.replace('benchplane.', '') ?? '')
      }
    }
  }
  read().catch(() => {})
  return types
}

const connectivityOf = async (url: string): Promise<string[]> =>
  (await everything<{ type: string }>(url, `/v1/history/bench/${bench.benchId}`))
    .map(({ type }) => type)
    .filter((type) => /^Bench(?:Online|Suspected|Lost|Offline)$/.test(type))

test('a life that is driven through two servers by turns is the same as through one, and both tell of it as it happens', async () => {
  const { first, second } = await openServers()
  await enrol(second.url)
  const told = await Promise.all([first, second].map(({ url }) => listenTo(url, 'e-turns')))
  const life = await begin(first.url, 'turns')
  for (const [n, step] of steps.entries()) {
    await step.send(n % 2 === 0 ? second.url : first.url, life)
    await beat(n % 2 === 0 ? first.url : second.url, life)
  }
  for (const { url } of [first, second]) await expectWhole(url, life)
  await vi.waitFor(() => expect(told.map((types) => types.toSorted())).toEqual([1, 2].map(() => wholeLife.toSorted())))
  expect(await connectivityOf(first.url)).toEqual(['BenchOnline'])
})

test('what one server was told another reads, as fresh as it is asked to be', async () => {
  const { first, second } = await openServers()
  await call(first.url, 'POST', '/v1/benches', bench)
  for (let version = 2; version < 12; version++) {
    const [told, asked] = version % 2 === 0 ? [first, second] : [second, first]
    const answer = await call(told.url, 'PATCH', '/v1/benches/rig-1', { location: `lab ${version}` })
    expect(answer.status).toBe(200)
    const own = await call(told.url, 'GET', `/v1/benches/rig-1?minVersion=${version}`)
    const other = await call(asked.url, 'GET', `/v1/benches/rig-1?minVersion=${version}`)
    const fresh = await call(asked.url, 'GET', '/v1/benches/rig-1?consistent=true')
    for (const { body } of [own, other, fresh]) expect(body).toMatchObject({ location: `lab ${version}` })
  }
})

test('a claim that waits at one server is woken by what is submitted to the other', async () => {
  const { first, second } = await openServers()
  await enrol(first.url)
  const life = await begin(first.url, 'waits')
  const waitMs = 15_000
  const since = performance.now()
  const claiming = call(second.url, 'POST', '/v1/workers/w-1/claim', { epoch: session.epoch, waitMs })
  await sleep(300)
  await steps[0]?.send(first.url, life)
  const { status, body } = await claiming
  expect([status, body['executionId']]).toEqual([200, executionId(life)])
  expect(performance.now() - since).toBeLessThan(waitMs / 2)
})

test('a keeper that is killed is followed by the other server: nothing is lost, nothing done twice', {
  timeout: 60_000,
}, async () => {
  const { first, second, shared } = await openServers()
  await enrol(first.url)
  const life = await begin(first.url, 'killed')
  const [before, after] = [steps.slice(0, 4), steps.slice(4)]
  for (const step of before) await step.send(first.url, life)
  await first.kill()
  for (const step of after) {
    await beat(second.url, life)
    await step.send(second.url, life)
  }
  await expectWhole(second.url, life)
  expect((await eventsOf(second.url, life)).map(({ type }) => type)).toEqual(wholeLife)
  expect(await connectivityOf(second.url)).toEqual(['BenchOnline'])
  // What policies and clocks do goes on, and a server that comes back is one more.
  const third = await startServer(shared, [], env)
  await begin(third.url, 'after')
  expect((await call(second.url, 'GET', '/v1/audit/verify')).body).toMatchObject({ ok: true })
})

test('a server that ends in order hands its duties over at once', async () => {
  const { first, second } = await openServers()
  await enrol(second.url)
  first.child.kill('SIGTERM')
  await vi.waitFor(() => expect(first.child.exitCode).toBe(0), { timeout: 5_000 })
  const since = performance.now()
  await begin(second.url, 'handed')
  // Not even one step of the clock later.
  expect(performance.now() - since).toBeLessThan(2_000)
})
