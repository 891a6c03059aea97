import fc from 'fast-check'
import type { BenchCommand } from '../../domain/bench/decide.ts'
import { SubmitExecution } from '../../domain/execution/commands.ts'
import type { ExecutionCommand } from '../../domain/execution/decide.ts'
import { plusMs } from '../../domain/ids.ts'
import type { MessageCommand } from '../../domain/message/decide.ts'
import { RequestReservation } from '../../domain/reservation/commands.ts'
import type { ReservationCommand } from '../../domain/reservation/decide.ts'
import type { WorkerCommand } from '../../domain/worker/decide.ts'

/** Commands of each kind, from few names and few instants, so that they meet. */

const t0 = '2026-03-01T09:00:00.000Z'
const instant = fc.integer({ min: -2, max: 40 }).map((step) => plusMs(t0, step * 600_000))
const oneOf = <Value>(...values: readonly Value[]) => fc.constantFrom(...values)
const bench = oneOf('b1', 'b2')
const reservation = oneOf('r1', 'r2', 'r3')
const holder = oneOf('ada', 'bob')
const session = fc.record({ workerId: oneOf('w1', 'w2'), epoch: oneOf(1, 2) })
const reason = oneOf('fan', 'smoke')
const window = fc
  .tuple(instant, fc.integer({ min: 1, max: 12 }))
  .map(([start, length]) => ({ start, end: plusMs(start, length * 600_000) }))
const ms = oneOf(0, 600_000, 1_200_000)
const nothing = fc.constant({})

/** Commands of one stream in the order of their time; the first of the types starts it. */
const story = <Command>(types: Readonly<Record<string, fc.Arbitrary<Record<string, unknown>>>>, id: string) => {
  const of = (type: string) => (types[type] ?? nothing).map((rest) => ({ type, ...rest }))
  const all = Object.keys(types)
  const opening = of(all[0] ?? '').map((command) => ({ ...command, id, at: plusMs(t0, -1_800_000) }))
  const rest = fc
    .array(fc.tuple(fc.constantFrom(...all).chain(of), instant), { maxLength: 30, size: 'max' })
    .map((commands) =>
      commands.toSorted(([, a], [, b]) => (a < b ? -1 : 1)).map(([command, at]) => ({ ...command, id, at })),
    )
  return fc.tuple(opening, rest).map(([first, others]) => [first, ...others] as Command[])
}

const data = (shape: fc.Arbitrary<Record<string, unknown>>) => shape.map((body) => ({ data: body }))
const description = fc.record({
  type: oneOf('hil', 'sil'),
  capabilities: fc.subarray(['can', 'lin', 'psu.channels=4']),
  setupMs: ms,
  teardownMs: ms,
  labels: fc.constant({}),
})

export const benchStory = story<BenchCommand>(
  {
    RegisterBench: data(description.map((body) => ({ benchId: 'b1', ...body }))),
    DescribeBench: data(fc.record({ type: oneOf('hil', 'sil'), location: oneOf('lab', null) }, { requiredKeys: [] })),
    StartMaintenance: data(fc.record({ reason })),
    EndMaintenance: data(nothing),
    QuarantineBench: data(fc.record({ reason, evidence: fc.constant([]) })),
    ReturnBenchToService: data(nothing),
    RetireBench: data(fc.record({ force: fc.boolean() })),
    HoldInterval: data(
      fc.tuple(window, reservation, holder).map(([w, reservationId, by]) => ({ ...w, reservationId, holder: by })),
    ),
    MoveInterval: data(fc.tuple(window, reservation).map(([w, reservationId]) => ({ ...w, reservationId }))),
    TransferInterval: data(fc.record({ reservationId: reservation, holder })),
    FreeInterval: data(fc.record({ reservationId: reservation, used: fc.boolean() })),
    OccupyBench: data(fc.record({ executionId: oneOf('e1', 'e2'), reservationId: reservation })),
    VacateBench: data(fc.record({ executionId: oneOf('e1', 'e2') })),
    ConnectBench: data(session),
    DisconnectBench: data(session),
    SuspectBench: data(session),
    RecoverBench: data(session),
    LoseBench: data(session.map((body) => ({ ...body, lastSeenAt: t0 }))),
  },
  'b1',
)

const placed = fc.tuple(window, fc.uniqueArray(bench, { minLength: 1 }), fc.boolean()).map(([w, benchIds, queued]) => ({
  ...w,
  benchIds,
  queued,
  earliestStart: t0,
  latestStart: plusMs(t0, 86_400_000),
  decision: {
    rule: 'by-id',
    candidates: benchIds,
    candidateCount: benchIds.length,
    exclusions: [],
    exclusionCounts: {},
  },
}))
const seen = fc.record({ occupied: fc.boolean(), occupiedByOther: fc.boolean(), everOccupied: fc.boolean() })
const asked = fc
  .boolean()
  .map((queue) => RequestReservation.parse({ holder: 'ada', benches: [{ benchId: 'b1' }], durationMs: 600_000, queue }))
const live = (body: fc.Arbitrary<Record<string, unknown>>) =>
  fc.tuple(body, seen).map(([one, facts]) => ({ data: one, seen: facts }))

export const reservationStory = story<ReservationCommand>(
  {
    RequestReservation: fc.tuple(asked, placed).map(([body, place]) => ({ data: body, placed: place })),
    PullForward: placed.map((place) => ({ data: {}, placed: place })),
    AmendReservation: live(fc.record({ start: instant, end: instant }, { requiredKeys: [] })),
    TransferReservation: live(fc.record({ holder })),
    CheckInReservation: live(nothing),
    ReleaseReservation: live(nothing),
    CancelReservation: live(nothing),
    EvictReservation: live(fc.record({ benchId: bench })),
    ExtendHold: live(fc.record({ until: instant })),
    Tick: live(nothing),
  },
  'r1',
)

const late = plusMs(t0, 7 * 86_400_000)
const names = ['a', 'b', 'c', 'd'] as const
const plan = fc.tuple(
  ...names.map((name, index) =>
    fc.record({
      name: fc.constant(name),
      run: fc.constant({}),
      needs: fc.subarray(names.slice(0, index)),
      runs: oneOf('on-success', 'always'),
      timeoutMs: oneOf(600_000, 6_000_000),
      retry: fc.record({ attemptCountMax: oneOf(1, 2, 3), backoffMs: oneOf(0, 600_000), factor: oneOf(1, 2) }),
      relocatable: fc.boolean(),
    }),
  ),
)
const submitted = fc
  .tuple(plan, fc.option(oneOf(6_000_000), { nil: undefined }))
  .map(([tasks, timeoutMs]) => SubmitExecution.parse({ reservationId: 'r1', tasks, timeoutMs }))
const attempt = fc
  .tuple(oneOf(...names), oneOf(1, 2, 3), session)
  .map(([taskName, number, by]) => ({ taskName, attempt: number, ...by }))
const claim = fc
  .tuple(oneOf(...names), oneOf('b1'), session)
  .map(([taskName, benchId, by]) => ({ taskName, benchId, ...by }))

/** Of a session that is its worker's, or is not any more. */
const report = (shape: fc.Arbitrary<Record<string, unknown>>) =>
  fc.tuple(shape, fc.integer({ min: 0, max: 5 })).map(([body, n]) => ({ data: body, isFenced: n === 0 }))

export const executionStory = story<ExecutionCommand>(
  {
    SubmitExecution: submitted.map((body) => ({ data: body, benchIds: ['b1', 'b2'] })),
    ClaimTask: claim.map((body) => ({ data: body, windowEnd: late })),
    Claim2: claim.map((body) => ({ data: body, windowEnd: late })),
    CompleteAttempt: report(attempt.map((body) => ({ ...body, artifacts: [] }))),
    FailAttempt: report(
      fc.tuple(attempt, fc.boolean()).map(([body, infrastructure]) => ({ ...body, reason: 'exit 1', infrastructure })),
    ),
    AcknowledgeCancel: report(attempt),
    CancelExecution: fc.constant({ data: {}, graceMs: 600_000 }),
    LoseAttempt: data(attempt.map((body) => ({ ...body, reason: 'gone' }))),
    RedriveExecution: data(nothing),
    ExtendGrace: window.map(({ start, end }) => ({ data: {}, ending: { cancelAt: start, until: end } })),
    RecordArtifact: report(
      fc
        .tuple(attempt, oneOf('a.xml', 'b.log'), oneOf('0', '1'))
        .map(([body, path, digit]) => ({ ...body, path, bytes: 1, sha256: digit.repeat(64) })),
    ),
    EndExecution: data(fc.record({ reason })),
    Tick: fc.boolean().map((isExtended) => ({ data: {}, isExtended })),
  },
  'e1',
).map((commands) =>
  commands.map((command) =>
    (command.type as string) === 'Claim2' ? ({ ...command, type: 'ClaimTask' } as ExecutionCommand) : command,
  ),
)

export const workerStory = story<WorkerCommand>(
  {
    EnrolWorker: data(fc.record({ labels: oneOf({}, { rack: '1' }) })),
    OpenSession: data(fc.record({ benches: fc.uniqueArray(bench, { minLength: 1 }), agentVersion: oneOf('1', '2') })),
    CloseSession: data(fc.record({ epoch: oneOf(1, 2, 3), force: fc.boolean() })),
    ExpireSession: data(fc.record({ epoch: oneOf(1, 2, 3), lastSeenAt: fc.constant(t0) })),
  },
  'w1',
)

export const messageStory = story<MessageCommand>(
  { AcceptMessage: data(fc.record({ content: fc.jsonValue(), sha256: oneOf('0'.repeat(64), '1'.repeat(64)) })) },
  'm1',
)
