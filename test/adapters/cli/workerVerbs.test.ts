import { expect, onTestFinished, test } from 'vitest'
import { taken } from '../programs.ts'
import { shareHouse } from './sharedHouse.ts'

/** What operators do with workers, one after the other on one server. The worker is played by the test. */
const { house, shown, json } = shareHouse()

const params = { workerId: 'w1' }
const attempt = { executionId: 'E1', taskName: 'a', attempt: 1 }

test('worker drain says what still runs, and with --wait returns when it has ended', async () => {
  await json('bench register b1 --type hil')
  await json('worker enrol w1')
  await json('reserve b1 --for 1h --id R1 --wait')
  const { client } = house()
  taken(await client.openSession({ params, body: { benches: ['b1'], agentVersion: 'test' } }))
  const tasks = [{ name: 'a', run: {} }]
  taken(await client.submitExecution({ body: { executionId: 'E1', reservationId: 'R1', tasks } }))
  expect(taken(await client.claimTask({ params, body: { epoch: 1, waitMs: 5_000 } }))).toMatchObject(attempt)
  const beat = () => client.heartbeat({ params, body: { epoch: 1, attempts: [attempt] } })
  const beating = setInterval(() => void beat().catch(() => undefined), 200)
  onTestFinished(() => clearInterval(beating))
  expect(await shown('worker drain w1')).toMatch(/^worker w1 drains: .*\nthe 1 attempt\(s\) that it runs\./)
  expect(await json('worker drain w1')).toEqual({ workerId: 'w1', isDraining: true, runningCount: 1 })
  expect(await shown('worker show w1')).toMatch(/^state .*draining$/m)
  expect(taken(await beat()).flags).toEqual([{ kind: 'drain' }])
  const gaveUp = await house().benchplane('worker', 'drain', 'w1', '--wait', '--wait-timeout', '1s')
  expect([gaveUp.code, gaveUp.stderr]).toEqual([4, expect.stringContaining('still runs 1 attempt(s)')])
  const waiting = json('worker drain w1 --wait')
  taken(await client.completeAttempt({ params: attempt, body: { epoch: 1, workerId: 'w1' } }))
  const drained = await waiting
  expect([drained['workerId'], drained['session']]).toEqual(['w1', undefined])
  expect((await house().benchplane('worker', 'drain', 'w1', '--wait-timeout', '1s')).code).toBe(2)
}, 20_000)

test('worker freeze and unfreeze', async () => {
  expect(await json('worker freeze')).toMatchObject({ frozen: false })
  expect(await shown('worker freeze')).toMatch(/^losses +declared as they come\nsilent +\d of \d workers\n$/)
  expect(await json('worker unfreeze')).toMatchObject({ frozen: false })
})
