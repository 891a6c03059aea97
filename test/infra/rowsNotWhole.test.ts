import { expect, onTestFinished, test, vi } from 'vitest'
import { openGenerations } from '../../adapters/dynamodb/generations.ts'
import { newSecret } from '../../adapters/webhooks/signature.ts'
import { openHouse } from '../../infra/local.ts'
import type { HouseOptions } from '../../infra/parts.ts'
import { anybody, localEngine } from '../adapters/dynamodbLocal.ts'
import { numbers, openLines, type Voiced, voiced } from './house.ts'
import { openReceiver } from './receiver.ts'

const engine = localEngine()
const within = { timeout: 20_000, interval: 20 }

const open = async (tablePrefix: string, more: Partial<HouseOptions> = {}): Promise<Voiced> => {
  const connection = { endpoint: engine.endpoint(), ...anybody }
  const house = await openHouse({ store: 'dynamodb', tablePrefix, connection, ...more })
  onTestFinished(() => house.close())
  return voiced(house)
}

/** As a version of another shape leaves the rows: the next server builds its own. */
const outdate = async (tablePrefix: string): Promise<void> => {
  const generations = openGenerations({ client: engine.client(), tablePrefix })
  await generations.change((seen) => seen?.serving && { ...seen, serving: { ...seen.serving, shape: 'older' } })
  await generations.close()
}

const isReady = ({ services }: Voiced): void => expect(services.unready()).toBeUndefined()
const stateOf = async ({ services }: Voiced, id: string): Promise<string> =>
  ((await services.headOf('default', 'reservation', id)).state as { status: string }).status

test('the keeper answers to what happened meanwhile, and Ticks, as soon as another has made its rows whole', {
  timeout: 60_000,
}, async () => {
  const tablePrefix = await engine.tables()
  const before = await open(tablePrefix)
  await before.bench('b1', { capabilities: ['can-fd'] })
  await before.book('r1', 'b1')
  await vi.waitFor(async () => expect(await stateOf(before, 'r1')).toBe('active'), within)
  await before.book('r2', 'b1', { queue: true })
  expect(await before.house.settled()).toBe(true)
  await before.house.close()
  await outdate(tablePrefix)

  const { lines, log } = openLines()
  const keeper = await open(tablePrefix, { mends: false, log })
  expect(keeper.services.unready()).toMatch(/being built from history/)
  await keeper.done('reservation', 'r1', 'ReleaseReservation')
  // Its row is there: that of the reservation which waits is not.
  await vi.waitFor(async () => expect(await keeper.row('reservations', 'r1')).toBeDefined(), within)
  const benches = { view: 'benches', tenant: 'default', index: 'all_idx', partition: 'benches', limit: 10 }
  const notYet = { code: 'storage-unusable', message: 'the views are being built from history: try again' }
  await expect(keeper.services.views.query(benches)).rejects.toMatchObject(notYet)
  await expect(keeper.row('reservations', 'r2')).rejects.toMatchObject(notYet)
  const byQuery = { holder: 'ada', benches: [{ query: ['can-fd'] }], durationMs: 60_000, queue: true }
  await expect(keeper.done('reservation', 'r3', 'RequestReservation', byQuery)).rejects.toMatchObject(notYet)
  await expect(keeper.services.verify(undefined)).rejects.toMatchObject(notYet)
  expect(await stateOf(keeper, 'r2')).toBe('queued')

  isReady(await opened(open(tablePrefix, { keeps: false })))
  await vi.waitFor(() => isReady(keeper), within)
  await vi.waitFor(async () => expect(await stateOf(keeper, 'r2')).toBe('active'), within)
  await keeper.done('reservation', 'r3', 'RequestReservation', byQuery)
  expect(lines.filter(({ level }) => level === 'error')).toEqual([])
})

/** Whose rows are whole. */
const opened = async (opening: Promise<Voiced>): Promise<Voiced> => {
  const server = await opening
  await vi.waitFor(() => isReady(server), within)
  return server
}

test('callbacks that were taken are not sent again, nor policies asked, when rows are built anew at the start', {
  timeout: 60_000,
}, async () => {
  const tablePrefix = await engine.tables()
  const receiver = await openReceiver()
  const secret = newSecret()
  const callbacks = { secret: () => secret, pausesMs: [10, 10] }
  const ended = async ({ done }: Voiced, id: string): Promise<void> => {
    const order = { reservationId: 'r1', tasks: [{ name: 'a', run: {} }], callback: { url: receiver.url } }
    await done('execution', id, 'SubmitExecution', order)
    await done('execution', id, 'CancelExecution')
  }
  const before = await open(tablePrefix, { callbacks })
  await before.bench('b1')
  await before.book('r1', 'b1')
  await before.book('r2', 'b1', { queue: true })
  await before.done('reservation', 'r2', 'CancelReservation')
  for (const id of ['e1', 'e2', 'e3']) await ended(before, id)
  await vi.waitFor(() => expect(receiver.got).toHaveLength(3), within)
  expect(await before.house.settled()).toBe(true)
  await vi.waitFor(() => expect(numbers(before.house)['benchplane_callbacks_pending']).toBe(0), within)
  expect(numbers(before.house)['benchplane_reactions_total']).toBeGreaterThan(0)
  await before.house.close()
  await outdate(tablePrefix)

  const after = await opened(open(tablePrefix, { callbacks }))
  expect(await after.house.settled()).toBe(true)
  expect(numbers(after.house)['benchplane_reactions_total']).toBe(0)
  // They are noted in the order of the feed.
  await ended(after, 'e4')
  const subjects = (): string[] => receiver.got.map(({ event }) => (event as unknown as { subject: string }).subject)
  await vi.waitFor(() => expect(subjects()).toContain('execution/e4'), within)
  expect(subjects().toSorted()).toEqual(['e1', 'e2', 'e3', 'e4'].map((id) => `execution/${id}`))
})
