import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { brief, executionOf, finished, logged, openLab, outcomes, submit } from '../adapters/agent/lab.ts'
import { type House, isAlive, start, taken } from '../adapters/programs.ts'
import { openNetwork } from './partition.ts'

/** An agent and its server, and a network between them that can be cut. */
const openCuttable = async () => {
  const house = await openLab(['b1'], brief)
  const network = await openNetwork(house.url)
  const args = ['agent', '--worker', 'w1', '--bench', 'b1', '--work-dir', join(house.directory, 'work')]
  const agent = start(args, { BENCHPLANE_URL: network.url })
  const retry = { attemptCountMax: 2, backoffMs: 0 }
  const run = { command: 'echo pid $$; if [ $BENCHPLANE_ATTEMPT = 1 ]; then sleep 600; fi' }
  await submit(house, 'E1', [{ name: 'task', retry, run }])
  const pid = Number(/^pid (\d+)/m.exec(await logged(house, 'E1', 'task', 'pid'))?.[1])
  return { house, network, agent, pid }
}

/** When a process was gone, by this machine's clock. */
const goneAt = async (pid: number): Promise<number> => {
  while (isAlive(pid)) await sleep(5)
  return Date.now()
}

const instantOf = async ({ client }: House, kind: 'worker' | 'execution', id: string, wanted: string) => {
  const { items } = taken(await client.listHistory({ params: { kind, id }, query: { limit: 500 } }))
  const found = items.find(({ type }) => type === wanted)
  expect(found, `no ${wanted} among ${items.map(({ type }) => type).join(', ')}`).toBeDefined()
  return Date.parse(found?.at ?? '')
}

test('cut off, an agent has stopped its work before its server gives it up; reached again, it works on in a new session', async () => {
  const { house, network, agent, pid } = await openCuttable()
  network.cut('both')
  const stoppedAt = await goneAt(pid)
  const expiredAt = await vi.waitFor(() => instantOf(house, 'worker', 'w1', 'WorkerSessionExpired'), {
    timeout: 10_000,
    interval: 20,
  })
  expect(stoppedAt).toBeLessThan(expiredAt)
  network.heal()
  await agent.says(/serving .*epoch=2/)
  expect((await finished(house, 'E1')).tasks[0]?.attempts).toMatchObject([
    { status: 'lost', epoch: 1 },
    { status: 'passed', epoch: 2 },
  ])
})

test('an agent that hears nothing stops its work though its server hears every beat; hearing again, it says so in the same session', async () => {
  const { house, network, agent, pid } = await openCuttable()
  network.cut('answers')
  await goneAt(pid)
  expect((await executionOf(house, 'E1')).tasks[0]?.status).toBe('running')
  network.heal()
  const execution = await finished(house, 'E1')
  expect(execution.tasks[0]?.attempts).toMatchObject([
    { status: 'failed', epoch: 1, reason: expect.stringContaining('the lease was running out') },
    { status: 'passed', epoch: 1 },
  ])
  expect(outcomes(execution)).toMatchObject({ task: ['passed', { exitCode: 0 }] })
  expect(agent.output.stdout).not.toContain('epoch=2')
})

test('a cut that ends before the lease does changes nothing', async () => {
  const { house, network, pid } = await openCuttable()
  network.cut('both')
  await sleep(600)
  network.heal()
  await sleep(2_000)
  expect(isAlive(pid)).toBe(true)
  expect((await executionOf(house, 'E1')).tasks[0]?.attempts).toMatchObject([{ status: 'started', epoch: 1 }])
  await house.benchplane('execution', 'cancel', 'E1')
  expect((await finished(house, 'E1')).verdict).toBe('cancelled')
})
