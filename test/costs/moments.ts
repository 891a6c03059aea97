/** What a command costs when it does not go as usual; and what the state costs that rides along now and then. */
import { kindOf } from '../../domain/registry.ts'
import type { Spent } from '../adapters/dynamodbCapacity.ts'
import { after, hold } from '../contract/medium.ts'
import { writeLongStream } from './longStream.ts'
import { booking, dayBeginsAt, registration } from './story.ts'
import { demandDone, openCounted, openServer, openTime, type Server, type Tables } from './writing.ts'

export interface Moment {
  what: string
  spent: Spent
  /** Commands that share it. */
  share?: number
}

export const ridingShareCount = 320
export const longStreamCount = 10_000

const window = { start: '2026-03-02T12:00:00.000Z', durationMs: 3_600_000 }
const request = booking(['hil-brake'], window)

const two = async (tables: Tables) => {
  const time = openTime(dayBeginsAt)
  const { store, spent } = openCounted(tables)
  const servers: [Server, Server] = [openServer(store, time), openServer(store, time)]
  const [one] = servers
  demandDone('RegisterBench', await one.send(...registration('hil-brake')))
  return { store, spent, one, other: servers[1] }
}
type Two = Awaited<ReturnType<typeof two>>

/** Another server has been faster by one version. */
const overtake = async ({ other, spent }: Two, location: string): Promise<void> => {
  demandDone('DescribeBench', await other.send('bench', 'hil-brake', 'DescribeBench', { location }))
  spent()
}

const measured = async (what: string, { spent }: Two, work: () => Promise<unknown>): Promise<Moment> => {
  spent()
  await work()
  return { what, spent: spent() }
}

const races = async (both: Two): Promise<readonly Moment[]> => {
  const { one } = both
  const describe = async () =>
    demandDone('lost', await one.send('bench', 'hil-brake', 'DescribeBench', { location: 'lab 9' }))
  const book = async () => demandDone('lost', await one.send('reservation', 'r-1', 'RequestReservation', request))
  await overtake(both, 'lab 2')
  const lost = await measured('lost by one version: a command on one stream', both, describe)
  await overtake(both, 'lab 3')
  return [lost, await measured('lost by one version: a booking of one bench', both, book)]
}

const answers = async (both: Two): Promise<readonly Moment[]> => {
  const { one } = both
  const key = '0190a4d2-6c1e-7000-8000-again0000000'
  const describe = () => one.send('bench', 'hil-brake', 'DescribeBench', { location: 'lab 4' }, key)
  await describe()
  return [
    await measured('sent again under its key', both, describe),
    await measured('nothing to do', both, () => one.send('bench', 'hil-brake', 'DescribeBench', { location: 'lab 4' })),
    await measured('refused: the bench is taken', both, () =>
      one.send('reservation', 'r-2', 'RequestReservation', request),
    ),
  ]
}

/** Whoever is first to say so pays for all whose state rides with it. */
const riding = async (both: Two): Promise<Moment> => {
  const share = await measured(
    `${ridingShareCount} in a row on one bench, states that ride on them among them`,
    both,
    async () => {
      for (let n = 0; n < ridingShareCount; n++)
        demandDone('riding', await both.one.send('bench', 'hil-brake', 'DescribeBench', { location: `lab ${100 + n}` }))
    },
  )
  return { ...share, share: ridingShareCount }
}

const five = async (both: Two, bytes: number): Promise<Moment> => {
  const events = Array.from({ length: 5 }, (_, step) => hold({ step, note: 'x'.repeat(bytes) }))
  const stream = `t/bench/five-${bytes}`
  return measured(`five events of about ${bytes + 60} bytes`, both, () =>
    both.store.append([after(stream, undefined, { events })]),
  )
}

const long = async (tables: Tables, both: Two): Promise<Moment> => {
  await writeLongStream(tables, longStreamCount)
  return measured(`cold load of a bench of ${longStreamCount.toLocaleString('en')} commits`, both, () =>
    both.store.loadLatest('t/bench/b1', kindOf('bench').reducerVersion),
  )
}

export const moments = async (tables: () => Promise<Tables>): Promise<readonly Moment[]> => {
  const own = await tables()
  const both = await two(own)
  return [
    await five(both, 100),
    await five(both, 300),
    ...(await races(both)),
    ...(await answers(both)),
    await riding(both),
    await long(own, both),
  ]
}
