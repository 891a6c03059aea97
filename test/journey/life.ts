/** One execution's life over HTTP, step by step, as a client and a worker would drive it: every step can be sent again. */
import { expect } from 'vitest'
import { type Answer, call, everything, waitFor } from './server.ts'

export const bench = { benchId: 'rig-1', type: 'hil' }
const worker = '/v1/workers/w-1'
export const session = { workerId: 'w-1', epoch: 1 }
const logged = 'flashing … done\n'
const artifact = '<testsuite tests="1"/>'

/** A life, by the suffix of all its ids, and what its worker runs: that goes with every beat. */
export interface Life {
  id: string
  running: { executionId: string; taskName: string; attempt: number }[]
}

export interface Step {
  name: string
  /** What it leaves in history: of the execution, or of its reservation. None: it leaves nothing there. */
  leaves?: { of: 'execution' | 'reservation'; type: string }
  /** Beside history: it can be torn in more places than before and after one commit. */
  writesFiles?: true
  /** Who was given a task asks for it no more. */
  isClaim?: true
  /** Sends it, under the same idempotency key each time, and expects it to be taken. */
  send: (url: string, life: Life) => Promise<Answer>
}

export const reservationId = ({ id }: Life) => `r-${id}`
export const executionId = ({ id }: Life) => `e-${id}`

const taken = async (sent: Promise<Answer>): Promise<Answer> => {
  const answer = await sent
  expect([200, 201], JSON.stringify(answer.body)).toContain(answer.status)
  return answer
}
const command = (url: string, path: string, body: unknown, key: string): Promise<Answer> =>
  taken(call(url, 'POST', path, body, { 'idempotency-key': key }))

const attemptPath = (life: Life, taskName: string, attempt: number): string =>
  `/v1/executions/${executionId(life)}/tasks/${taskName}/attempts/${attempt}`

export const beat = (url: string, { running }: Life): Promise<Answer> =>
  taken(call(url, 'POST', `${worker}/heartbeat`, { epoch: session.epoch, attempts: running }))

/** A claim whose answer may be lost: what was started for it is found again, after a beat that does not list it. */
const claim = (taskName: string, attempt: number): Step => ({
  name: `claim ${taskName}/${attempt}`,
  leaves: { of: 'execution', type: 'AttemptStarted' },
  isClaim: true,
  send: async (url, life) => {
    const body = { epoch: session.epoch, waitMs: 250 }
    const headers = { 'idempotency-key': `claim-${taskName}-${attempt}-${life.id}` }
    for (let tries = 0; ; tries++) {
      const answer = await call(url, 'POST', `${worker}/claim`, body, headers)
      if (answer.status === 204 && tries < 20) {
        await beat(url, life)
        continue
      }
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      expect(answer.body).toMatchObject({ executionId: executionId(life), taskName, attempt, benchId: bench.benchId })
      life.running = [{ executionId: executionId(life), taskName, attempt }]
      return answer
    }
  },
})

const report = (taskName: string, attempt: number, kind: 'complete' | 'fail', more: object = {}): Step => ({
  name: `${kind} ${taskName}/${attempt}`,
  leaves: { of: 'execution', type: kind === 'complete' ? 'AttemptPassed' : 'AttemptFailed' },
  send: async (url, life) => {
    const path = `${attemptPath(life, taskName, attempt)}/${kind}`
    const answer = await command(url, path, { ...session, ...more }, `${kind}-${taskName}-${attempt}-${life.id}`)
    life.running = []
    return answer
  },
})

const submit: Step = {
  name: 'submit',
  leaves: { of: 'execution', type: 'ExecutionSubmitted' },
  send: (url, life) => {
    const tasks = [
      { name: 'flash', run: { command: 'flash' } },
      { name: 'measure', run: { command: 'measure' }, needs: ['flash'], retry: { attemptCountMax: 2, backoffMs: 0 } },
    ]
    const plan = { executionId: executionId(life), reservationId: reservationId(life), tasks }
    return command(url, '/v1/executions', plan, `submit-${life.id}`)
  },
}

const log: Step = {
  name: 'log flash/1',
  writesFiles: true,
  send: (url, life) =>
    taken(call(url, 'POST', `${attemptPath(life, 'flash', 1)}/log`, { ...session, offset: 0, text: logged })),
}

const upload: Step = {
  name: 'artifact flash/1',
  writesFiles: true,
  leaves: { of: 'execution', type: 'ArtifactRecorded' },
  send: async (url, life) => {
    const path = `${attemptPath(life, 'flash', 1)}/artifacts/junit.xml?epoch=${session.epoch}&workerId=${session.workerId}`
    const response = await fetch(`${url}${path}`, { method: 'PUT', body: artifact })
    const body = (await response.json()) as Record<string, unknown>
    expect([200, 201], JSON.stringify(body)).toContain(response.status)
    return { status: response.status, body, headers: response.headers }
  },
}

const release: Step = {
  name: 'release',
  leaves: { of: 'reservation', type: 'ReservationReleased' },
  send: (url, life) => command(url, `/v1/reservations/${reservationId(life)}/release`, undefined, `release-${life.id}`),
}

export const steps: readonly Step[] = [
  submit,
  claim('flash', 1),
  log,
  upload,
  report('flash', 1, 'complete', { result: { flashed: true }, artifacts: ['junit.xml'] }),
  claim('measure', 1),
  report('measure', 1, 'fail', { reason: 'exit 1' }),
  claim('measure', 2),
  report('measure', 2, 'complete'),
  release,
]

/** A life that is about to begin: its window is open. */
export const begin = async (url: string, id: string): Promise<Life> => {
  const life = { id, running: [] }
  await beat(url, life)
  const window = { holder: 'ann', benches: [{ benchId: bench.benchId }], durationMs: 3_600_000 }
  await command(url, '/v1/reservations', { reservationId: reservationId(life), ...window }, `book-${id}`)
  await waitFor(
    async () => (await call(url, 'GET', `/v1/reservations/${reservationId(life)}`)).body['status'] === 'active',
  )
  return life
}

export interface Told {
  type: string
  commandId: string
}

/** What happened, in order: each once. */
export const eventsOf = (url: string, life: Life): Promise<Told[]> =>
  everything<Told>(url, `/v1/history/execution/${executionId(life)}`)

export const wholeLife = [
  'ExecutionSubmitted',
  'ExecutionStarted',
  'AttemptStarted',
  'ArtifactRecorded',
  'AttemptPassed',
  'AttemptStarted',
  'AttemptFailed',
  'TaskRetryScheduled',
  'AttemptStarted',
  'AttemptPassed',
  'ExecutionFinished',
]

/** The same verdict by the same attempts, nothing twice, nothing missing. */
export const expectWhole = async (url: string, life: Life): Promise<void> => {
  const { body } = await call(url, 'GET', `/v1/executions/${executionId(life)}?consistent=true`)
  const attempt = (number: number, status: string) => ({ attempt: number, status, ...session, benchId: bench.benchId })
  expect(body).toMatchObject({
    status: 'finished',
    verdict: 'passed',
    tasks: [
      { name: 'flash', status: 'passed', attempts: [{ ...attempt(1, 'passed'), result: { flashed: true } }] },
      { name: 'measure', status: 'passed', attempts: [attempt(1, 'failed'), attempt(2, 'passed')] },
    ],
  })
  expect((await eventsOf(url, life)).map(({ type }) => type)).toEqual(wholeLife)
  const path = `/v1/executions/${executionId(life)}`
  expect(await (await fetch(`${url}${path}/log?taskName=flash`)).text()).toBe(logged)
  expect(await (await fetch(`${url}${path}/tasks/flash/attempts/1/artifacts/junit.xml`)).text()).toBe(artifact)
  const reservation = await call(url, 'GET', `/v1/reservations/${reservationId(life)}?consistent=true`)
  expect(reservation.body).toMatchObject({ status: 'released' })
}
