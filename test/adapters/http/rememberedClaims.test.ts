/** Claims go by what their server remembers, which other servers may have left behind: it must neither hide nor give anything. */
import { expect, test } from 'vitest'
import type { House } from '../../../adapters/http/house.ts'
import { type Driver, openDriver, openLab, plan } from './driver.ts'

const claim = (driver: Driver, waitMs = 0) => driver.post('/v1/workers/w-1/claim', { epoch: 1, waitMs })
const beat = (driver: Driver) => driver.post('/v1/workers/w-1/heartbeat', { epoch: 1, attempts: [] })

/** Counts what is asked of history's heads and of the leases. */
const counted = ({ house }: Driver) => {
  const counts = { heads: 0, leases: 0 }
  const [headOf, get] = [house.headOf.bind(house), house.leases.get.bind(house.leases)]
  house.headOf = (...asked) => {
    counts.heads++
    return headOf(...asked)
  }
  house.leases.get = (...asked) => {
    counts.leases++
    return get(...asked)
  }
  return counts
}

/** From now on its server remembers what is now, and learns nothing more. */
const remembering = async ({ house }: Driver): Promise<void> => {
  const names = [
    ['worker', 'w-1'],
    ['bench', 'rig-1'],
    ['reservation', 'r-1'],
  ] as const
  const heads = await Promise.all(
    names.map(async ([kind, id]) => [id, await house.headOf('default', kind, id)] as const),
  )
  const known = new Map<string, (typeof heads)[number][1]>(heads)
  house.knownHead = ((_, __, id) => known.get(id)) satisfies House['knownHead']
}

const lab = async (): Promise<Driver> => {
  const driver = openDriver()
  await openLab(driver)
  return driver
}

test('a claim right after a beat asks neither history nor the leases before it is decided', async () => {
  const driver = await lab()
  await driver.post('/v1/executions', plan('e-1', 'a', 'b'))
  await remembering(driver)
  await beat(driver)
  const counts = counted(driver)
  expect((await claim(driver)).body).toMatchObject({ taskName: 'a' })
  expect(counts).toEqual({ heads: 0, leases: 0 })
  driver.advance(10_001)
  expect((await claim(driver)).body).toMatchObject({ taskName: 'b' })
  expect(counts).toEqual({ heads: 0, leases: 1 })
})

test('a reservation that became active elsewhere is claimed from', async () => {
  const driver = await lab()
  await driver.post('/v1/reservations/r-1/release')
  const start = '2030-01-01T12:00:30Z'
  const benches = [{ benchId: 'rig-1' }]
  await driver.post('/v1/reservations', { reservationId: 'r-2', holder: 'ann', benches, start, durationMs: 600_000 })
  await driver.post('/v1/executions', { ...plan('e-1', 'a'), reservationId: 'r-2' })
  await remembering(driver)
  const before = await driver.house.headOf('default', 'reservation', 'r-2')
  const known = driver.house.knownHead.bind(driver.house)
  driver.house.knownHead = (...asked) => (asked[2] === 'r-2' ? before : known(...asked))
  driver.advance(30_000)
  await driver.tick('reservation', 'r-2')
  expect((await claim(driver)).body).toMatchObject({ taskName: 'a' })
})

test('a bench that was vacated elsewhere is claimed on', async () => {
  const driver = await lab()
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await claim(driver)
  await driver.post('/v1/executions', plan('e-2', 'b'))
  await remembering(driver)
  await driver.post('/v1/executions/e-1/tasks/a/attempts/1/complete', { epoch: 1, workerId: 'w-1' })
  expect((await claim(driver)).body).toMatchObject({ executionId: 'e-2' })
})

test('a session that ended elsewhere is given nothing, and told so', async () => {
  const driver = await lab()
  await driver.post('/v1/executions', plan('e-1', 'a'))
  await remembering(driver)
  await beat(driver)
  // As another server does it, where no beat is remembered.
  const request = { tenant: 'default', kind: 'worker', id: 'w-1', type: 'CloseSession', correlationId: 'c' } as const
  await driver.house.submit({ ...request, data: { epoch: 1, force: true }, actor: { kind: 'user', id: 'ann' } })
  expect((await claim(driver)).body).toMatchObject({ code: 'stale-epoch' })
  await driver.leaseStore.close('default', 'w-1', 1)
  driver.advance(10_001)
  expect((await claim(driver)).body).toMatchObject({ code: 'stale-epoch' })
})

test('a session that is told to drain here is given nothing more, beat or no beat', async () => {
  const driver = await lab()
  await driver.post('/v1/executions', plan('e-1', 'a', 'b'))
  await claim(driver)
  await beat(driver)
  expect((await driver.del('/v1/workers/w-1/sessions/1')).body).toMatchObject({ code: 'attempts-running' })
  expect((await claim(driver)).status).toBe(204)
})
