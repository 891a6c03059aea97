import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Driver, openDriver, openLab, plan } from './driver.ts'

const claimPath = '/v1/workers/w-1/claim'
const attempt = { executionId: 'e-1', taskName: 'a', attempt: 1 }

const beat = ({ post }: Driver, attempts: readonly object[] = []) =>
  post('/v1/workers/w-1/heartbeat', { epoch: 1, attempts })

/** A claim of `a` was answered, and nobody got the answer. */
const unheard = async (): Promise<{ driver: Driver; first: object }> => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', { ...plan('e-1', 'a', 'b'), parameters: { volts: 12 }, commitSha: 'abc' })
  const first = await driver.post(claimPath, { epoch: 1 }, { 'idempotency-key': 'lost' })
  expect(first.body).toMatchObject(attempt)
  return { driver, first: first.body }
}

test('a claim whose answer was lost is found again under another key, with the time that is left', async () => {
  const { driver, first } = await unheard()
  driver.advance(5_000)
  await beat(driver)
  const again = await driver.post(claimPath, { epoch: 1 }, { 'idempotency-key': 'another' })
  expect(again.body).toEqual({ ...first, timeoutMs: 3_595_000 })
  expect((await driver.post(claimPath, { epoch: 1 })).body).toMatchObject({ taskName: 'b' })
})

test('without a beat since, a claim is given the next task', async () => {
  const { driver } = await unheard()
  driver.advance(5_000)
  expect((await driver.post(claimPath, { epoch: 1 })).body).toMatchObject({ taskName: 'b' })
})

test('a claim whose answer was given again by its key is not found by another on a beat that was under way', async () => {
  const { driver, first } = await unheard()
  driver.advance(5_000)
  const again = await driver.post(claimPath, { epoch: 1 }, { 'idempotency-key': 'lost' })
  expect([again.body, again.headers.get('idempotent-replayed')]).toEqual([first, 'true'])
  await beat(driver)
  expect((await driver.post(claimPath, { epoch: 1 })).body).toMatchObject({ taskName: 'b' })
})

test('an attempt that is lost by now is not given again by its key: the next task is', async () => {
  const { driver } = await unheard()
  for (let beats = 0; beats < 2; beats++) {
    driver.advance(10_000)
    await beat(driver)
  }
  await driver.sweep()
  const again = await driver.post(claimPath, { epoch: 1 }, { 'idempotency-key': 'lost' })
  expect([again.body.taskName, again.headers.get('idempotent-replayed')]).toEqual(['b', null])
  const later = await driver.post(claimPath, { epoch: 1 }, { 'idempotency-key': 'lost' })
  expect([later.body, later.headers.get('idempotent-replayed')]).toEqual([again.body, 'true'])
})

test('what a beat has listed is not given again', async () => {
  const { driver } = await unheard()
  driver.advance(5_000)
  await beat(driver, [attempt])
  driver.advance(5_000)
  await beat(driver)
  expect((await driver.post(claimPath, { epoch: 1 })).body).toMatchObject({ taskName: 'b' })
})

test('of claims at once one finds it, the next gets the next task, and the others nothing', async () => {
  const { driver } = await unheard()
  driver.advance(5_000)
  await beat(driver)
  const answers = await Promise.all(Array.from({ length: 10 }, () => driver.post(claimPath, { epoch: 1 })))
  const given = answers.flatMap(({ status, body }) => (status === 200 ? [body.taskName as string] : []))
  expect(given.toSorted()).toEqual(['a', 'b'])
})

test('workers that claim on and on, with beats on the way, are never given twice what they list', async () => {
  const driver = openDriver()
  await openLab(driver)
  const names = Array.from({ length: 12 }, (_, n) => `t${n}`)
  await driver.post('/v1/executions', plan('e-1', ...names))
  const runs: string[] = []
  const work = async (): Promise<void> => {
    for (let n = 0; n < 4; n++) {
      const { status, body } = await driver.post(claimPath, { epoch: 1 })
      if (status === 200) runs.push(body.taskName)
      driver.advance(700)
      await beat(
        driver,
        runs.map((taskName) => ({ executionId: 'e-1', taskName, attempt: 1 })),
      )
    }
  }
  await Promise.all([work(), work(), work(), work()])
  expect(runs.toSorted()).toEqual(names.toSorted())
})

test('a claim that waits finds it when the beat comes', async () => {
  const { driver, first } = await unheard()
  await driver.post(claimPath, { epoch: 1 })
  await beat(driver, [{ ...attempt, taskName: 'b' }])
  const begun = performance.now()
  const claim = driver.post(claimPath, { epoch: 1, waitMs: 5_000 })
  await sleep(30)
  driver.advance(5_000)
  await beat(driver, [{ ...attempt, taskName: 'b' }])
  expect((await claim).body).toEqual({ ...first, timeoutMs: 3_595_000 })
  expect(performance.now() - begun).toBeLessThan(2_500)
})

test('what is being cancelled is not given again', async () => {
  const { driver } = await unheard()
  driver.advance(5_000)
  await driver.post('/v1/executions/e-1/cancel')
  await beat(driver)
  expect((await driver.post(claimPath, { epoch: 1 })).status).toBe(204)
})

test('a claim for other benches does not find it', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/benches', { benchId: 'rig-2', type: 'hil' })
  await driver.post('/v1/workers/w-1/sessions', { benches: ['rig-1', 'rig-2'], agentVersion: '1' })
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await driver.post(claimPath, { epoch: 2, benches: ['rig-1'] })
  driver.advance(5_000)
  await driver.post('/v1/workers/w-1/heartbeat', { epoch: 2 })
  expect((await driver.post(claimPath, { epoch: 2, benches: ['rig-2'] })).status).toBe(204)
  expect((await driver.post(claimPath, { epoch: 2, benches: ['rig-1'] })).body).toMatchObject(attempt)
})
