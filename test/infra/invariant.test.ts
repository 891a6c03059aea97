import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FeedCommit } from '../../domain/ports.ts'
import { foldedRows, openHouses, openTime, shownRows, type Voiced } from './house.ts'

const { open } = openHouses()
const benches = ['b1', 'b2', 'b3']
const reservations = ['r1', 'r2', 'r3', 'r4']

const anyBench = fc.constantFrom(...benches)
const anyReservation = fc.constantFrom(...reservations)
const anyCommand = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('book' as const),
      id: anyReservation,
      bench: anyBench,
      from: fc.nat(6),
      queue: fc.boolean(),
    }),
  },
  fc.record({
    kind: fc.constant('query' as const),
    id: anyReservation,
    capability: fc.constantFrom('x', 'y'),
    from: fc.nat(6),
  }),
  fc.record({
    kind: fc.constant('change' as const),
    id: anyReservation,
    type: fc.constantFrom('CancelReservation', 'ReleaseReservation', 'CheckInReservation'),
  }),
  fc.record({ kind: fc.constant('describe' as const), bench: anyBench, capability: fc.constantFrom('x', 'y') }),
  fc.record({
    kind: fc.constant('serve' as const),
    bench: anyBench,
    type: fc.constantFrom('StartMaintenance', 'EndMaintenance', 'RetireBench'),
  }),
  fc.record({ kind: fc.constant('session' as const), benches: fc.uniqueArray(anyBench, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('execute' as const), id: fc.constantFrom('e1', 'e2'), reservation: anyReservation }),
  fc.record({ kind: fc.constant('claim' as const), id: fc.constantFrom('e1', 'e2'), bench: anyBench }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), minutes: fc.integer({ min: 1, max: 90 }) }) },
)
type AnyCommand = typeof anyCommand extends fc.Arbitrary<infer Command> ? Command : never

type Of<Kind extends AnyCommand['kind']> = Extract<AnyCommand, { kind: Kind }>

const book = ({ send }: Voiced, id: string, start: string, wanted: object, queue: boolean) =>
  send('reservation', id, 'RequestReservation', {
    holder: 'ada',
    benches: [wanted],
    start,
    durationMs: 1_800_000,
    queue,
  })

const claim = async ({ send, services }: Voiced, { id, bench }: Of<'claim'>) => {
  const { state } = await services.headOf('default', 'worker', 'w1')
  const { epoch } = state as { epoch: number }
  return send('execution', id, 'ClaimTask', {
    taskName: 't',
    benchId: bench,
    workerId: 'w1',
    epoch: Math.max(1, epoch),
  })
}

const serve = ({ send }: Voiced, { bench, type }: Of<'serve'>) =>
  send(
    'bench',
    bench,
    type,
    type === 'StartMaintenance' ? { reason: 'r' } : type === 'RetireBench' ? { force: true } : {},
  )

const tasks = [{ name: 't', run: {}, timeoutMs: 600_000 }]

/** Refusals are as good as anything: what is asked here is whether the views agree with what has become of it. */
const act = async (house: Voiced, time: ReturnType<typeof openTime>, command: AnyCommand): Promise<unknown> => {
  const { send } = house
  switch (command.kind) {
    case 'book':
      return book(house, command.id, time.in(command.from * 10), { benchId: command.bench }, command.queue)
    case 'query':
      return book(house, command.id, time.in(command.from * 10), { query: [command.capability] }, true)
    case 'change':
      return send('reservation', command.id, command.type)
    case 'describe':
      return send('bench', command.bench, 'DescribeBench', { capabilities: [command.capability] })
    case 'serve':
      return serve(house, command)
    case 'session':
      return send('worker', 'w1', 'OpenSession', { benches: command.benches, agentVersion: '1' })
    case 'execute': {
      const plan = { reservationId: command.reservation, releaseReservation: true, tasks }
      return send('execution', command.id, 'SubmitExecution', plan)
    }
    case 'claim':
      return claim(house, command)
    case 'pass':
      time.pass(command.minutes)
      return house.house.wakeClock()
  }
}

/** Delivers every page more or less as it likes. */
const disorderly = (dice: () => number) => (page: readonly FeedCommit[]) =>
  [...page, ...page.filter(() => dice() % 3 === 0)].toSorted(() => (dice() % 3) - 1)

/** Both, once the feed is drained and the clock has not appended anything in between. */
const drained = async (all: Voiced) => {
  for (;;) {
    const end = await all.services.history.feedEnd()
    expect(await all.house.settled()).toBe(true)
    const [shown, folded] = [await shownRows(all), await foldedRows(all.services.history)]
    if ((await all.services.history.feedEnd()) === end) return { shown, folded }
  }
}

describe.each([
  ['memory', 200],
  ['sqlite', 40],
] as const)('invariant 8 on %s', (store, numRuns) => {
  test('every view equals the fold of its history, whatever was commanded and however it was delivered', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCommand, { minLength: 5, maxLength: 40 }), fc.integer(), async (commands, seed) => {
        let state = seed
        const dice = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) >> 8
        const time = openTime()
        const all = await open({ store, now: time.now, disorder: disorderly(dice) })
        for (const benchId of benches) await all.bench(benchId, { capabilities: [benchId === 'b1' ? 'x' : 'y'] })
        await all.done('worker', 'w1', 'EnrolWorker')
        for (const command of commands) await act(all, time, command)
        const { shown, folded } = await drained(all)
        expect(shown).toEqual(folded)
        if (store === 'memory') expect((await all.services.verify(undefined)).ok).toBe(true)
        await all.house.close()
      }),
      { numRuns },
    )
  })
})
