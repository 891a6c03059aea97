import { describe, expect, test } from 'vitest'
import { type Answer, call, everything, type Place, startServer, waitFor } from './server.ts'
import { dynamodb, sqlite } from './stores.ts'

interface Started {
  type: string
  data: { taskName: string; attempt: number; workerId: string }
}

/** A gang of sixteen benches, the most there are in one reservation, each served by a worker of its own. */
const benchIds = Array.from({ length: 16 }, (_, n) => `rig-${n}`)
const workerOf = (benchId: string): string => `agent-${benchId}`

const openGang = async (place: Place): Promise<string> => {
  const { url } = await startServer(place)
  for (const benchId of benchIds) {
    await call(url, 'POST', '/v1/benches', { benchId, type: 'hil' })
    await call(url, 'PUT', `/v1/workers/${workerOf(benchId)}`)
    const session = { benches: [benchId], agentVersion: '1' }
    expect((await call(url, 'POST', `/v1/workers/${workerOf(benchId)}/sessions`, session)).status).toBe(201)
  }
  const benches = benchIds.map((benchId) => ({ benchId }))
  const booked = { reservationId: 'r-1', holder: 'ann', benches, durationMs: 3_600_000 }
  expect((await call(url, 'POST', '/v1/reservations', booked)).status).toBe(201)
  await waitFor(async () => (await call(url, 'GET', '/v1/reservations/r-1')).body['status'] === 'active')
  return url
}

const submit = async (url: string, taskCount: number): Promise<void> => {
  const tasks = Array.from({ length: taskCount }, (_, n) => ({ name: `t${n}`, run: {}, relocatable: true }))
  const plan = { executionId: 'e-1', reservationId: 'r-1', tasks }
  expect((await call(url, 'POST', '/v1/executions', plan)).status).toBe(201)
}

const claim = (url: string, n: number, waitMs: number): Promise<Answer> =>
  call(url, 'POST', `/v1/workers/${workerOf(benchIds[n % benchIds.length] ?? '')}/claim`, { epoch: 1, waitMs })

const startedIn = async (url: string): Promise<Started[]> =>
  (await everything<Started>(url, '/v1/history/execution/e-1')).filter(({ type }) => type === 'AttemptStarted')

describe.each([sqlite, dynamodb()])('workers that race for tasks over HTTP, in $store', ({ place }) => {
  test.each([
    ['that is there', 0],
    ['that they wait for', 1_500],
  ])('of twenty claims for one task %s one wins, and the others move on without an error', async (_, waitMs) => {
    const url = await openGang(place())
    if (waitMs === 0) await submit(url, 1)
    if (waitMs === 0) await waitFor(async () => (await call(url, 'GET', '/v1/executions/e-1')).status === 200)
    const claims = Array.from({ length: 20 }, (_claim, n) => claim(url, n, waitMs))
    if (waitMs > 0) await submit(url, 1)
    const answers = await Promise.all(claims)
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array.from({ length: 19 }, () => 204),
    ])
    const won = answers.find(({ status }) => status === 200)
    expect((await startedIn(url)).map(({ data }) => data)).toMatchObject([
      { taskName: 't0', attempt: 1, workerId: workerOf(String(won?.body['benchId'])) },
    ])
  })

  test('forty tasks are each run once, whoever of twenty is faster, to the end', { timeout: 30_000 }, async () => {
    const url = await openGang(place())
    await submit(url, 40)
    const work = async (n: number): Promise<number> => {
      for (let count = 0; ; count++) {
        const { status, body } = await claim(url, n, 200)
        if (status === 204) return count
        expect(status).toBe(200)
        const path = `/v1/executions/e-1/tasks/${String(body['taskName'])}/attempts/${String(body['attempt'])}/complete`
        const workerId = workerOf(String(body['benchId']))
        expect((await call(url, 'POST', path, { epoch: 1, workerId })).status).toBe(200)
      }
    }
    const counts = await Promise.all(Array.from({ length: 20 }, (_, n) => work(n)))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40)
    const started = await startedIn(url)
    expect(started.map(({ data }) => data.attempt)).toEqual(Array.from({ length: 40 }, () => 1))
    expect(new Set(started.map(({ data }) => data.taskName)).size).toBe(40)
    const { body } = await call(url, 'GET', '/v1/executions/e-1?consistent=true')
    expect(body).toMatchObject({ status: 'finished', verdict: 'passed' })
  })
})
