import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import {
  brief,
  executionOf,
  finished,
  logged,
  openLab,
  outcomes,
  stopWithoutGuard,
  submit,
} from '../adapters/agent/lab.ts'
import { type House, isAlive, start, taken } from '../adapters/programs.ts'
import type { Place } from './server.ts'
import { dynamodb, sqlite } from './stores.ts'

/** Agents that are killed, paused, doubled and told the wrong time: the programs themselves, from outside. */

const command = (text: string) => ({ run: { command: text } })

const eventsOf = async ({ client }: House, kind: 'execution' | 'worker', id: string) =>
  taken(await client.listHistory({ params: { kind, id }, query: { limit: 500 } })).items
const typesOf = async (house: House, kind: 'execution' | 'worker', id: string): Promise<readonly string[]> =>
  (await eventsOf(house, kind, id)).map(({ type }) => type)
const epochOf = async ({ client }: House): Promise<number | undefined> =>
  taken(await client.getWorker({ params: { workerId: 'w1' }, query: { consistent: true } })).session?.epoch
const pidIn = (log: string): number => Number(/^pid (\d+)/m.exec(log)?.[1])

const stores = [sqlite, dynamodb()]
/** Leases that run out soon, wherever they are kept. */
const briefIn = ({ env, args }: Place) => ({ environment: { ...brief.environment, ...env }, args })

test.each(stores)(
  'in $store, a worker is killed in the middle of a task: nothing of it runs any more when its server gives it up, and it is finished elsewhere',
  {
    timeout: 40_000,
  },
  async ({ place }) => {
    const house = await openLab(['b1'], briefIn(place()))
    const gang = {
      reservationId: 'gang',
      holder: 'ada',
      benches: [{ benchId: 'b4' }, { benchId: 'b5' }],
      durationMs: 3_600_000,
    }
    for (const benchId of ['b4', 'b5']) taken(await house.client.registerBench({ body: { benchId, type: 'hil' } }))
    taken(await house.client.requestReservation({ body: gang }))
    const doomed = house.agent('w1', ['b4'])
    const go = join(house.directory, 'go')
    const task = { name: 'long', relocatable: true, retry: { attemptCountMax: 2, backoffMs: 0 } }
    await submit(house, 'E1', [{ ...task, ...command(`echo pid $$; while [ ! -e ${go} ]; do sleep 0.05; done`) }], {
      reservationId: 'gang',
    })
    const pid = pidIn(await logged(house, 'E1', 'long', 'pid'))
    house.agent('w2', ['b5'])
    doomed.signal('SIGKILL')
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 1_000, interval: 10 })
    expect(await typesOf(house, 'worker', 'w1')).not.toContain('WorkerSessionExpired')
    await vi.waitFor(async () => expect((await executionOf(house, 'E1')).tasks[0]?.attempts).toHaveLength(2), {
      timeout: 10_000,
      interval: 50,
    })
    const next = house.agent('w1', ['b4'])
    await next.says(/ended and removed what an earlier life left/)
    writeFileSync(go, '')
    expect((await finished(house, 'E1')).tasks[0]?.attempts).toMatchObject([
      { status: 'lost', workerId: 'w1', benchId: 'b4' },
      { status: 'passed', workerId: 'w2', benchId: 'b5' },
    ])
  },
)

test.each(stores)(
  'in $store, an agent that slept past its lease reports nothing of before, ends what ran, and begins anew',
  {
    timeout: 40_000,
  },
  async ({ place }) => {
    const house = await openLab(['b1'], briefIn(place()))
    const agent = house.agent('w1', ['b1'])
    const ended = join(house.directory, 'ended')
    await submit(house, 'E1', [
      { name: 'brief', ...command(`echo pid $$; while [ ! -e ${ended} ]; do sleep 0.02; done`) },
    ])
    await submit(house, 'E2', [{ name: 'next', ...command('echo next') }])
    const pid = pidIn(await logged(house, 'E1', 'brief', 'pid'))
    stopWithoutGuard(house, 'w1', agent)
    await vi.waitFor(async () => expect(await typesOf(house, 'execution', 'E1')).toContain('AttemptLost'), {
      timeout: 10_000,
      interval: 50,
    })
    // It ends in good order, though nobody may tell.
    writeFileSync(ended, '')
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000 })
    agent.signal('SIGCONT')
    expect(outcomes(await finished(house, 'E2'))).toMatchObject({ next: ['passed', { exitCode: 0 }] })
    const types = await typesOf(house, 'execution', 'E1')
    expect(types).not.toContain('AttemptPassed')
    expect(types).not.toContain('AttemptReportRejected')
    expect(outcomes(await executionOf(house, 'E1'))).toEqual({ brief: ['errored', 'its worker was lost'] })
    expect(await typesOf(house, 'worker', 'w1')).toEqual([
      'WorkerEnrolled',
      'WorkerSessionOpened',
      'WorkerSessionExpired',
      'WorkerSessionOpened',
    ])
  },
)

test('an agent that sleeps does not keep its bench: what runs there is ended before its server gives it up', async () => {
  const house = await openLab(['b1'], brief)
  const agent = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = pidIn(await logged(house, 'E1', 'endless', 'pid'))
  agent.signal('SIGSTOP')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000, interval: 10 })
  expect(await epochOf(house)).toBe(1)
  await vi.waitFor(async () => expect(await epochOf(house)).toBeUndefined(), { timeout: 5_000, interval: 20 })
  agent.signal('SIGCONT')
  await agent.says(/serving .*epoch=2/)
  expect(await typesOf(house, 'execution', 'E1')).not.toContain('AttemptReportRejected')
})

test('what still runs when an agent wakes up too late, and its guard is dead, is ended before anything else is run', async () => {
  const house = await openLab(['b1'], brief)
  const agent = house.agent('w1', ['b1'])
  const script = `trap '' TERM; echo pid $$; while :; do sleep 0.05; done`
  await submit(house, 'E1', [{ name: 'stubborn', ...command(script) }])
  await submit(house, 'E2', [{ name: 'next', ...command('true') }])
  const pid = pidIn(await logged(house, 'E1', 'stubborn', 'pid'))
  stopWithoutGuard(house, 'w1', agent)
  await vi.waitFor(async () => expect(await epochOf(house)).toBeUndefined(), { timeout: 10_000, interval: 50 })
  expect(isAlive(pid)).toBe(true)
  agent.signal('SIGCONT')
  await agent.says(/serving .*epoch=2/)
  expect(isAlive(pid)).toBe(false)
  expect((await finished(house, 'E2')).verdict).toBe('passed')
  expect(await typesOf(house, 'execution', 'E1')).not.toContain('AttemptReportRejected')
})

test('of two agents with one name the later goes on, and they do not fight', async () => {
  const house = await openLab()
  const agents = [1, 2].map((n) => {
    const args = ['agent', '--worker', 'w1', '--bench', 'b1', '--work-dir', join(house.directory, `work-${n}`)]
    return start(args, { BENCHPLANE_URL: house.url })
  })
  const code = await Promise.race(agents.map(({ ended }) => ended))
  expect(code).toBe(5)
  const epoch = await epochOf(house)
  await submit(house, 'E1', [{ name: 'task', ...command('true') }])
  expect((await finished(house, 'E1')).tasks[0]?.attempts).toMatchObject([{ status: 'passed', epoch }])
  expect(await epochOf(house)).toBe(2)
  const alive = agents.filter(({ child }) => child.exitCode === null)
  expect(alive).toHaveLength(1)
  alive[0]?.signal('SIGTERM')
  expect(await alive[0]?.ended).toBe(0)
})

test('an agent that an operator drains in the middle of a task ends in good order after it', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  const go = join(house.directory, 'go')
  await submit(house, 'E1', [
    { name: 'first', ...command(`echo begun; while [ ! -e ${go} ]; do sleep 0.02; done`) },
    { name: 'second', needs: ['first'], ...command('true') },
  ])
  await logged(house, 'E1', 'first', 'begun')
  await house.benchplane('worker', 'drain', 'w1')
  await agent.says(/draining, as the server asks: 1 attempt runs; Ctrl-C again stops what runs/)
  writeFileSync(go, '')
  expect(await agent.ended).toBe(0)
  expect(outcomes(await executionOf(house, 'E1'))).toMatchObject({
    first: ['passed', {}],
    second: ['ready', undefined],
  })
  expect(await epochOf(house)).toBeUndefined()
})

test('a session that is closed by force loses what ran, and its agent does not come back by itself', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = pidIn(await logged(house, 'E1', 'endless', 'pid'))
  taken(await house.client.closeSession({ params: { workerId: 'w1', epoch: 1 }, query: { force: true } }))
  expect(await agent.ended).toBe(5)
  expect(isAlive(pid)).toBe(false)
  expect(outcomes(await finished(house, 'E1'))).toEqual({ endless: ['errored', 'its session was closed by force'] })
  expect(await epochOf(house)).toBeUndefined()
})

/** The wall clock of a process jumps as soon as a file is there. */
const jumping = (file: string, byMs: number): string => {
  const text = `import { existsSync } from 'node:fs'
    const Real = Date
    const offset = () => (existsSync(${JSON.stringify(file)}) ? ${byMs} : 0)
    globalThis.Date = class extends Real {
      constructor(...given) { given.length === 0 ? super(Real.now() + offset()) : super(...given) }
      static now() { return Real.now() + offset() }
    }`
  return `--import=data:text/javascript,${encodeURIComponent(text)}`
}

test.each([
  ['an hour ahead', 3_600_000],
  ['an hour back', -3_600_000],
])('the clock of an agent jumps %s in the middle of a task, and nothing comes of it', async (_, byMs) => {
  const house = await openLab(['b1'], brief)
  const [jump, go] = [join(house.directory, 'jump'), join(house.directory, 'go')]
  const args = ['agent', '--worker', 'w1', '--bench', 'b1', '--work-dir', join(house.directory, 'work')]
  const agent = start(args, { BENCHPLANE_URL: house.url, NODE_OPTIONS: jumping(jump, byMs) })
  await submit(house, 'E1', [{ name: 'task', ...command(`echo begun; while [ ! -e ${go} ]; do sleep 0.02; done`) }])
  await logged(house, 'E1', 'task', 'begun')
  writeFileSync(jump, '')
  // Longer than a lease.
  const until = performance.now() + 2_900
  await vi.waitFor(() => expect(performance.now()).toBeGreaterThan(until), { timeout: 5_000, interval: 100 })
  writeFileSync(go, '')
  expect((await finished(house, 'E1')).tasks[0]?.attempts).toMatchObject([{ status: 'passed', epoch: 1 }])
  expect(agent.output.stdout).not.toContain('no heartbeat was answered')
  agent.signal('SIGTERM')
  expect(await agent.ended).toBe(0)
  expect(new Date(/(\S+) draining/.exec(agent.output.stdout)?.[1] ?? '').getTime() - Date.now()).toBeCloseTo(byMs, -5)
  expect(existsSync(jump)).toBe(true)
})
