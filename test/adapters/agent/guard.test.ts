import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { guardMs, marginMs, monotonicMs, timesOf, type Watch } from '../../../adapters/agent/watch.ts'
import { startInstrument } from '../../../examples/runners/instrument.ts'
import { isAlive, repository, temporaryDirectory } from '../programs.ts'
import { brief, finished, guardFile, guardOf, logged, openLab, submit } from './lab.ts'

const command = (text: string) => ({ run: { command: text } })
const pidIn = (log: string): number => Number(/^pid (\d+)/m.exec(log)?.[1])
const gone = (pid: number, withinMs: number) =>
  vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: withinMs, interval: 10 })
const text = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** The signals that a process has handlers for. */
const caught = (pid: number): bigint => BigInt(`0x${/SigCgt:\s*(\w+)/.exec(text(`/proc/${pid}/status`))?.[1] ?? 0}`)
const hangUp = 1n

test('killed, an agent leaves nothing running: its guard ends it at once, powers its bench off and ends', async () => {
  const house = await openLab(['b1', 'b2'])
  const off = join(house.directory, 'off')
  const agent = house.agent('w1', ['b1', 'b2'], '--power-off-hook', `echo $BENCHPLANE_BENCH_ID >> ${off}`)
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600 | sleep 600') }])
  const pid = pidIn(await logged(house, 'E1', 'endless', 'pid'))
  const guard = guardOf(house, 'w1')
  agent.signal('SIGKILL')
  await gone(pid, 1_000)
  await vi.waitFor(() => expect(text(off)).toBe('b1\n'), { timeout: 1_000, interval: 10 })
  await gone(guard, 1_000)
  await agent.ended
  expect(agent.output.stderr).toMatch(/guard: the agent is gone: ended what ran attempt=E1\/endless\/1 benchId=b1\n/)
})

test('what does not listen, and what its leader has left, goes too', async () => {
  const house = await openLab(['b1', 'b2'])
  const agent = house.agent('w1', ['b1', 'b2'])
  const stubborn = `sh -c 'trap "" TERM; echo pid $$; while :; do sleep 0.05; done'`
  await submit(house, 'E1', [{ name: 'stubborn', ...command(stubborn) }])
  await submit(
    house,
    'E2',
    [{ name: 'leaves', ...command(`${stubborn} & while [ ! -e ../end ]; do sleep 0.02; done`) }],
    {
      reservationId: 'r-b2',
    },
  )
  const one = pidIn(await logged(house, 'E1', 'stubborn', 'pid'))
  const other = pidIn(await logged(house, 'E2', 'leaves', 'pid'))
  writeFileSync(join(house.directory, 'work', 'w1', 'E2', 'leaves-1', 'files', 'end'), '')
  const groupOf = (pid: number) => Number(text(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[2])
  await gone(groupOf(other), 2_000)
  expect(isAlive(other)).toBe(true)
  agent.signal('SIGKILL')
  await Promise.all([gone(one, 3_000), gone(other, 3_000)])
})

test('killed while its guard is dead already, it has said so and has another', async () => {
  const house = await openLab()
  const agent = house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = pidIn(await logged(house, 'E1', 'endless', 'pid'))
  const first = guardOf(house, 'w1')
  process.kill(first, 'SIGKILL')
  await agent.says(/alarm: the guard of what runs here has ended: another is started .*SIGKILL/)
  await vi.waitFor(() => expect(guardOf(house, 'w1')).not.toBe(first), { timeout: 3_000, interval: 10 })
  expect(isAlive(pid)).toBe(true)
  const second = guardOf(house, 'w1')
  agent.signal('SIGKILL')
  await Promise.all([gone(pid, 2_000), gone(second, 2_000)])
})

test('signals are for the agent; asked to end, it takes its guard with it, silently', async () => {
  const house = await openLab()
  const off = join(house.directory, 'off')
  const agent = house.agent('w1', ['b1'], '--power-off-hook', `touch ${off}`)
  await agent.says(/serving/)
  expect(existsSync(guardFile(house, 'w1'))).toBe(false)
  const go = join(house.directory, 'go')
  await submit(house, 'E1', [{ name: 'task', ...command(`echo begun; while [ ! -e ${go} ]; do sleep 0.02; done`) }])
  await logged(house, 'E1', 'task', 'begun')
  const guard = guardOf(house, 'w1')
  await vi.waitFor(() => expect(caught(guard) & hangUp).toBe(hangUp), { timeout: 5_000, interval: 10 })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(guard, signal)
  agent.signal('SIGINT')
  await agent.says(/draining/)
  writeFileSync(go, '')
  expect(await agent.ended).toBe(0)
  expect([isAlive(guard), existsSync(off), agent.output.stderr]).toEqual([false, false, ''])
  expect((await finished(house, 'E1')).verdict).toBe('passed')
})

test('a runner without processes has its bench powered off', async () => {
  const house = await openLab()
  const [instrument, off] = [await startInstrument(), join(house.directory, 'off')]
  onTestFinished(() => instrument.close())
  const runner = join(repository, 'examples/runners/scpi.ts')
  const agent = house.agent('w1', ['b1'], '--runner', runner, '--power-off-hook', `touch ${off}`)
  const steps = [{ send: 'SIM:SILENT?', timeoutMs: 600_000 }]
  await submit(house, 'E1', [{ name: 'silent', run: { host: '127.0.0.1', port: instrument.port, steps } }])
  await vi.waitFor(() => expect(instrument.heard).toContain('SIM:SILENT?'), { timeout: 10_000 })
  agent.signal('SIGKILL')
  await vi.waitFor(() => expect(existsSync(off)).toBe(true), { timeout: 2_000, interval: 10 })
})

test('a next life runs nothing before the guard of the one before has done its work', async () => {
  const house = await openLab()
  const order = join(house.directory, 'order')
  const hook = ['--power-off-hook', `echo off >> ${order}; sleep 2; echo is off >> ${order}`]
  const first = house.agent('w1', ['b1'], ...hook)
  const task = { name: 'task', retry: { attemptCountMax: 2, backoffMs: 0 } }
  const script = `echo $BENCHPLANE_ATTEMPT >> ${order}; if [ $BENCHPLANE_ATTEMPT = 1 ]; then sleep 600; fi`
  await submit(house, 'E1', [{ ...task, ...command(script) }])
  await vi.waitFor(() => expect(text(order)).toBe('1\n'), { timeout: 5_000, interval: 10 })
  first.signal('SIGKILL')
  await vi.waitFor(() => expect(text(order)).toBe('1\noff\n'), { timeout: 5_000, interval: 10 })
  const second = house.agent('w1', ['b1'], ...hook)
  await second.says(/waiting for the guard of an earlier life/)
  expect((await finished(house, 'E1')).verdict).toBe('passed')
  expect(text(order)).toBe('1\noff\nis off\n2\n')
})

test('stopped, an agent is no longer what its bench depends on: the guard does it within the lease, and once', async () => {
  const house = await openLab(['b1'], brief)
  const off = join(house.directory, 'off')
  const agent = house.agent('w1', ['b1'], '--power-off-hook', `echo off >> ${off}`)
  await submit(house, 'E1', [
    { name: 'endless', ...command('echo pid $$; trap "" TERM; while :; do sleep 0.05; done') },
  ])
  const pid = pidIn(await logged(house, 'E1', 'endless', 'pid'))
  agent.signal('SIGSTOP')
  const stoppedAt = performance.now()
  await gone(pid, 4_000)
  expect(performance.now() - stoppedAt).toBeLessThan(2_400)
  await vi.waitFor(() => expect(text(off)).toBe('off\n'), { timeout: 1_000, interval: 10 })
  agent.signal('SIGCONT')
  await agent.says(/no heartbeat was answered/)
  await agent.says(/reported|epoch=2/)
  agent.signal('SIGTERM')
  await agent.ended
  expect(text(off)).toBe('off\n')
  expect(agent.output.stderr).toContain('guard: the lease runs out and the agent does nothing: ended what ran')
})

test('awake, an agent does it all itself, to the last hook, and its guard lets it', async () => {
  const house = await openLab(['b1'], brief)
  const off = join(house.directory, 'off')
  const hooks = ['--teardown-hook', 'sleep 600', '--power-off-hook', `sleep 2; echo off >> ${off}`]
  const agent = house.agent('w1', ['b1'], ...hooks)
  await submit(house, 'E1', [{ name: 'endless', ...command('echo pid $$; sleep 600') }])
  const pid = pidIn(await logged(house, 'E1', 'endless', 'pid'))
  const guard = guardOf(house, 'w1')
  house.server.signal('SIGKILL')
  await vi.waitFor(() => expect(text(off)).toBe('off\n'), { timeout: 8_000, interval: 20 })
  expect([isAlive(pid), isAlive(guard)]).toEqual([false, true])
  expect(agent.output.stderr).toContain('a bench was not put to rest benchId=b1')
  expect(agent.output.stderr).not.toContain('guard:')
})

/** The program alone, told what an agent would tell it. */
const startGuard = (lines: readonly string[]) => {
  const guard = spawn(process.execPath, [join(repository, 'adapters/agent/guard.ts')])
  onTestFinished(() => void guard.kill('SIGKILL'))
  guard.stdin.write(lines.join('\n'))
  return { guard, ended: once(guard, 'close') }
}

const sleeper = () => {
  const child = spawn('sleep', ['600'], { detached: true })
  onTestFinished(() => void child.kill('SIGKILL'))
  const pid = child.pid ?? 0
  return { pid, trace: `${pid} ${text(`/proc/${pid}/stat`).split(') ')[1]?.split(' ')[19]}` }
}

const watchOf = (groups: readonly string[], leaseMs = 60_000): Watch => {
  const workDir = temporaryDirectory()
  const times = timesOf({ endsAtMs: monotonicMs() + leaseMs, leaseMs }, false)
  return { attempts: [{ name: 'E1/task/1', benchId: 'b1', groups }], times, hooks: { timeoutMs: 1_000 }, workDir }
}

test('a number that another process has by now is left alone, and half a last line counts for nothing', async () => {
  const [ours, another] = [sleeper(), sleeper()]
  const watch = watchOf([ours.trace, `${another.pid} 1`, '1 1', '0 0', '-1 1', 'x'])
  const { guard, ended } = startGuard([JSON.stringify(watch), '{"attempts":[],"ti'])
  guard.stdin.end()
  expect((await ended)[0]).toBe(0)
  expect([isAlive(ours.pid), isAlive(another.pid)]).toEqual([false, true])
})

test('news of a later lease keeps it from acting; without news it acts, and it still guards afterwards', async () => {
  const [one, other] = [sleeper(), sleeper()]
  const { guard, ended } = startGuard([JSON.stringify(watchOf([one.trace], 1_200)), ''])
  guard.stdin.write(`${JSON.stringify(watchOf([one.trace], 3_000))}\n`)
  const toldAt = performance.now()
  await gone(one.pid, 5_000)
  expect(performance.now() - toldAt).toBeGreaterThan(2_000)
  guard.stdin.end(`${JSON.stringify(watchOf([other.trace]))}\n`)
  await ended
  expect(isAlive(other.pid)).toBe(false)
})

test.each([400, 2_400, 40_000, 14_400_000])(
  'of a lease of %i ms each has a part of the margin, the agent first',
  (leaseMs) => {
    const lease = { endsAtMs: 1_000_000, leaseMs }
    const [asleep, awake] = [timesOf(lease, false), timesOf(lease, true)]
    const agentForcesAtMs = lease.endsAtMs - marginMs(leaseMs) / 2
    const instants = [agentForcesAtMs, asleep.actAtMs, asleep.forceAtMs, awake.actAtMs, awake.forceAtMs, lease.endsAtMs]
    expect(instants).toEqual(instants.toSorted((a, b) => a - b))
    expect(lease.endsAtMs - awake.forceAtMs).toBe(guardMs(leaseMs))
    expect(asleep.forceAtMs).toBeGreaterThan(asleep.actAtMs)
  },
)
