import fc from 'fast-check'
import type { openTime, Voiced } from './house.ts'

export const benches = ['b1', 'b2', 'b3']
export const reservations = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6']
export const executions = ['e1', 'e2', 'e3']

const anyBench = fc.constantFrom(...benches)
const anyReservation = fc.constantFrom(...reservations)
const anyExecution = fc.constantFrom(...executions)
const anyCapability = fc.constantFrom('x', 'y')
const anyWanted = fc.oneof(
  anyBench.map((benchId) => ({ benchId })),
  anyCapability.map((capability) => ({ query: [capability] })),
)
/** In steps of ten minutes. */
const anyMoment = fc.option(fc.nat(12), { nil: undefined })

const book = fc.record({
  kind: fc.constant('book' as const),
  id: anyReservation,
  benches: fc.uniqueArray(anyWanted, { minLength: 1, maxLength: 2, selector: (wanted) => JSON.stringify(wanted) }),
  from: fc.nat(6),
  length: fc.integer({ min: 1, max: 5 }),
  queue: fc.boolean(),
  priority: fc.constantFrom(10, 50, 90),
})
const change = fc.record({
  kind: fc.constant('change' as const),
  id: anyReservation,
  type: fc.constantFrom('CancelReservation', 'ReleaseReservation', 'CheckInReservation'),
})
const amend = fc.record({ kind: fc.constant('amend' as const), id: anyReservation, start: anyMoment, end: fc.nat(12) })
const describe = fc.record({
  kind: fc.constant('describe' as const),
  bench: anyBench,
  capability: anyCapability,
  setupMs: fc.constantFrom(0, 600_000),
  teardownMs: fc.constantFrom(0, 600_000),
})
const serve = fc.record({
  kind: fc.constant('serve' as const),
  bench: anyBench,
  type: fc.constantFrom('StartMaintenance', 'EndMaintenance', 'RetireBench'),
})
const session = fc.record({
  kind: fc.constant('session' as const),
  benches: fc.uniqueArray(anyBench, { minLength: 1 }),
})
const execute = fc.record({
  kind: fc.constant('execute' as const),
  id: anyExecution,
  reservation: anyReservation,
  release: fc.boolean(),
  timeoutMs: fc.constantFrom(600_000, 7_200_000),
})
const claim = fc.record({ kind: fc.constant('claim' as const), id: anyExecution, bench: anyBench })
const complete = fc.record({ kind: fc.constant('complete' as const), id: anyExecution })
const pass = fc.record({ kind: fc.constant('pass' as const), minutes: fc.integer({ min: 1, max: 40 }) })

/** What people, agents and time may ask of a small lab. */
export const anyCommand = fc.oneof(
  { weight: 5, arbitrary: book },
  { weight: 3, arbitrary: change },
  { weight: 2, arbitrary: amend },
  { weight: 1, arbitrary: describe },
  { weight: 1, arbitrary: serve },
  { weight: 1, arbitrary: session },
  { weight: 2, arbitrary: execute },
  { weight: 2, arbitrary: claim },
  { weight: 1, arbitrary: complete },
  { weight: 3, arbitrary: pass },
)
export type AnyCommand = typeof anyCommand extends fc.Arbitrary<infer Command> ? Command : never
type Of<Kind extends AnyCommand['kind']> = Extract<AnyCommand, { kind: Kind }>

/** Three benches, one of which can do something else, and a worker. */
export const furnish = async ({ bench, done }: Voiced): Promise<void> => {
  for (const benchId of benches) await bench(benchId, { capabilities: [benchId === 'b1' ? 'x' : 'y'] })
  await done('worker', 'w1', 'EnrolWorker')
}

type Time = ReturnType<typeof openTime>

const sendBook = ({ send }: Voiced, time: Time, { id, benches: wanted, from, length, queue, priority }: Of<'book'>) => {
  const window = { start: time.in(from * 10), durationMs: length * 600_000 }
  return send('reservation', id, 'RequestReservation', { holder: 'ada', benches: wanted, ...window, queue, priority })
}

const sendAmend = ({ send }: Voiced, time: Time, { id, start, end }: Of<'amend'>) => {
  const window = { ...(start === undefined ? {} : { start: time.in(start * 10) }), end: time.in(end * 10) }
  return send('reservation', id, 'AmendReservation', window)
}

const sendServe = ({ send }: Voiced, { bench, type }: Of<'serve'>) => {
  const data = { StartMaintenance: { reason: 'r' }, EndMaintenance: {}, RetireBench: { force: true } }
  return send('bench', bench, type, data[type])
}

const sendExecute = ({ send }: Voiced, { id, reservation, release, timeoutMs }: Of<'execute'>) => {
  const plan = { reservationId: reservation, releaseReservation: release, tasks: [{ name: 't', run: {}, timeoutMs }] }
  return send('execution', id, 'SubmitExecution', plan)
}

/** By the newest session there is. */
const byWorker = async ({ send, services }: Voiced, { id, ...command }: Of<'claim'> | Of<'complete'>) => {
  const { state } = await services.headOf('default', 'worker', 'w1')
  const { epoch } = state as { epoch: number }
  const report = { taskName: 't', workerId: 'w1', epoch: Math.max(1, epoch) }
  return command.kind === 'claim'
    ? send('execution', id, 'ClaimTask', { ...report, benchId: command.bench })
    : send('execution', id, 'CompleteAttempt', { ...report, attempt: 1 })
}

/** Asks for it, or lets time pass. Refusals are as good as anything. */
export const act = async (all: Voiced, time: Time, command: AnyCommand): Promise<unknown> => {
  switch (command.kind) {
    case 'book':
      return sendBook(all, time, command)
    case 'amend':
      return sendAmend(all, time, command)
    case 'change':
      return all.send('reservation', command.id, command.type)
    case 'describe': {
      const { bench, capability, setupMs, teardownMs } = command
      return all.send('bench', bench, 'DescribeBench', { capabilities: [capability], setupMs, teardownMs })
    }
    case 'serve':
      return sendServe(all, command)
    case 'session':
      return all.send('worker', 'w1', 'OpenSession', { benches: command.benches, agentVersion: '1' })
    case 'execute':
      return sendExecute(all, command)
    case 'claim':
    case 'complete':
      return byWorker(all, command)
    case 'pass':
      time.pass(command.minutes)
      return all.house.wakeClock()
  }
}

/** On a busy machine with an engine beside it, what a storm leaves behind takes a while. */
const settledMsMax = 30_000

/** Until views, policies and clock have nothing left to do. */
export const drained = async ({ services, house }: Voiced): Promise<void> => {
  for (let isQuiet = false; !isQuiet; ) {
    const end = await services.history.feedEnd()
    if (!(await house.settled(settledMsMax))) throw new Error('the house does not settle')
    // The clock looks at what is due in a turn of its own.
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 0)
    })
    isQuiet = (await services.history.feedEnd()) === end
  }
}
