import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { freePort, type House, isAlive, openHouse, taken } from '../programs.ts'
import { brief, executionOf, finished, killWithGuard, logged, logOf, openLab, outcomes, submit } from './lab.ts'

const command = (text: string) => ({ run: { command: text } })
const sessionOf = async ({ client }: House) =>
  taken(await client.getWorker({ params: { workerId: 'w1' }, query: { consistent: true } })).session

test('a server that is killed in the middle of a task and comes back gets its whole log and its report', async () => {
  const port = await freePort()
  // A lease that outlives the outage by far.
  const environment = { BENCHPLANE_HEARTBEAT_EVERY_MS: '500', BENCHPLANE_LEASE_MS: '60000' }
  const house = await openLab(['b1'], { port, environment })
  const agent = house.agent('w1', ['b1'])
  const script =
    'for i in $(seq 1 40); do echo "line ✓ $i"; sleep 0.05; done; echo waiting; while [ ! -e ../../../../go ]; do sleep 0.05; done; echo done'
  await submit(house, 'E1', [
    { name: 'long', ...command(script) },
    { name: 'after', needs: ['long'], ...command('echo after') },
  ])
  await logged(house, 'E1', 'long', 'line ✓ 3')
  house.server.signal('SIGKILL')
  await house.server.ended
  const again = await openHouse({ port, directory: house.directory, environment })
  await logged(again, 'E1', 'long', 'waiting')
  again.server.signal('SIGKILL')
  await again.server.ended
  // The task ends while nobody listens.
  await vi.waitFor(() => expect(existsSync(join(house.directory, 'work', 'w1'))).toBe(true))
  writeFileSync(join(house.directory, 'work', 'w1', 'go'), '')
  const third = await openHouse({ port, directory: house.directory, environment })
  const execution = await finished(third, 'E1')
  expect(execution.verdict).toBe('passed')
  expect(execution.tasks.map(({ attempts }) => attempts.length)).toEqual([1, 1])
  const lines = Array.from({ length: 40 }, (_, index) => `line ✓ ${index + 1}\n`).join('')
  expect(await logOf(third, 'E1', 'long')).toBe(`${lines}waiting\ndone\n`)
  expect((await sessionOf(third))?.epoch).toBe(1)
  agent.signal('SIGTERM')
  expect(await agent.ended).toBe(0)
}, 40_000)

test('SIGTERM lets what runs come to its end, then closes the session', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  await submit(house, 'E1', [
    { name: 'first', ...command('echo begun; while [ ! -e ../../../../go ]; do sleep 0.02; done') },
    { name: 'second', needs: ['first'], ...command('true') },
  ])
  await logged(house, 'E1', 'first', 'begun')
  agent.signal('SIGTERM')
  writeFileSync(join(house.directory, 'work', 'w1', 'go'), '')
  expect(await agent.ended).toBe(0)
  expect(await sessionOf(house)).toBeUndefined()
  expect(outcomes(await executionOf(house, 'E1'))).toMatchObject({
    first: ['passed', { exitCode: 0 }],
    second: ['ready', undefined],
  })
})

test('a second SIGTERM ends what runs, as the infrastructure’s fault', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = Number(/pid (\d+)/.exec(await logged(house, 'E1', 'endless', 'pid'))?.[1])
  agent.signal('SIGTERM')
  agent.signal('SIGINT')
  expect(await agent.ended).toBe(0)
  expect(isAlive(pid)).toBe(false)
  expect(outcomes(await executionOf(house, 'E1'))).toMatchObject({ endless: ['errored', 'its agent was stopped'] })
})

test('told twice to end, it does not wait for a server that is away', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'], '--kill-grace', '100ms')
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = Number(/pid (\d+)/.exec(await logged(house, 'E1', 'endless', 'pid'))?.[1])
  house.server.signal('SIGSTOP')
  agent.signal('SIGINT')
  await agent.says(/draining, as asked: 1 attempt runs; Ctrl-C again stops what runs/)
  agent.signal('SIGINT')
  expect(await agent.ended).toBe(0)
  expect(isAlive(pid)).toBe(false)
})

test('an operator drains it', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  await agent.says(/serving/)
  expect((await house.benchplane('worker', 'drain', 'w1')).code).toBe(0)
  expect(await agent.ended).toBe(0)
})

test('another session of the same worker takes over: the first stops its work and ends as lost', async () => {
  const house = await openLab()
  const first = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = Number(/pid (\d+)/.exec(await logged(house, 'E1', 'endless', 'pid'))?.[1])
  const second = house.agent('w1', ['b1'], '--work-dir', join(house.directory, 'work', 'elsewhere'))
  await second.says(/epoch=2/)
  expect(await first.ended).toBe(5)
  expect(isAlive(pid)).toBe(false)
  expect(first.output.stderr).toBe('error: the session was lost: another agent of this name has session 2\n')
})

test('what an agent that was killed with its guard left running is ended by its next life, before it claims', async () => {
  const house = await openLab()
  const first = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = Number(/pid (\d+)/.exec(await logged(house, 'E1', 'endless', 'pid'))?.[1])
  await killWithGuard(house, 'w1', first)
  expect(isAlive(pid)).toBe(true)
  const second = house.agent('w1', ['b1'])
  await second.says(/ended and removed what an earlier life left/)
  expect(isAlive(pid)).toBe(false)
  expect(existsSync(join(house.directory, 'work', 'w1', 'E1', 'endless-1'))).toBe(false)
})

test('without a server it stops its work before the lease runs out', async () => {
  const house = await openLab(['b1'], brief)
  house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = Number(/pid (\d+)/.exec(await logged(house, 'E1', 'endless', 'pid'))?.[1])
  const killedAt = performance.now()
  house.server.signal('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000, interval: 10 })
  // A lease of 2.4 s, counted from a beat that was sent before.
  expect(performance.now() - killedAt).toBeLessThan(2_400)
})
