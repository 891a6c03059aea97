/** A lab's day in which every command of the contract is sent at least once, with data of an ordinary size. */
import type { commandSchemas } from '../../domain/contract.ts'
import { type Instant, plusMs } from '../../domain/ids.ts'

export type Kind = keyof typeof commandSchemas

export interface Step {
  kind: Kind
  id: string
  type: string
  data: unknown
  /** What is not measured only leads to what is. A name beside the command's when it is measured more than once. */
  measured: boolean
  note?: string
  /** Time passes first. */
  afterMs?: number
}

export const dayBeginsAt: Instant = '2026-03-02T08:00:00.000Z'
const hourMs = 3_600_000
const inHours = (hours: number): Instant => plusMs(dayBeginsAt, hours * hourMs)

const measured = (kind: Kind, id: string, type: string, data: unknown = {}, more: Partial<Step> = {}): Step => ({
  kind,
  id,
  type,
  data,
  measured: true,
  ...more,
})
const before = (...asked: Parameters<typeof measured>): Step => ({ ...measured(...asked), measured: false })

const description = {
  type: 'hil',
  name: 'Brake controller, rack 3',
  capabilities: ['can-fd', 'psu.channels=4', 'ecu=abs-9.3', 'scope.mhz=500'],
  location: 'hall 2, row 7',
  setupMs: 60_000,
  teardownMs: 60_000,
  labels: { team: 'chassis', owner: 'ada' },
}
const register = (benchId: string): [Kind, string, string, unknown] => [
  'bench',
  benchId,
  'RegisterBench',
  { benchId, ...description },
]
export const registration = register

const windowAt = (fromHour: number, hours = 1) => ({ start: inHours(fromHour), end: inHours(fromHour + hours) })
export const booking = (benchIds: readonly string[], more: object) => ({
  holder: 'ada@example.com',
  benches: benchIds.map((benchId) => ({ benchId })),
  purpose: 'nightly regression of the brake controller',
  ...more,
})

/** The benches that its query finds. */
export const candidates = ['hil-a', 'hil-b']
const byQuery = { ...booking([], {}), benches: [{ query: ['can-fd', 'psu.channels>=4'] }] }

const session = { workerId: 'rack-3', epoch: 1 }
const task = (name: string, more: object = {}) => ({
  name,
  run: { command: ['pytest', `tests/${name}`, '--junitxml=report.xml'], env: { CAN_CHANNEL: 'can0' } },
  ...more,
})
export const plan = (reservationId: string) => ({
  reservationId,
  commitSha: '0123456789abcdef0123456789abcdef01234567',
  suite: 'brake-regression',
  tasks: [task('flash'), task('measure', { needs: ['flash'] }), task('report', { needs: ['measure'], runs: 'always' })],
})

const attempt = (taskName: string, number = 1) => ({ taskName, attempt: number, ...session })
const artifact = { path: 'reports/junit.xml', bytes: 48_211, sha256: 'a'.repeat(64) }
const claim = (taskName: string) => ({ taskName, benchId: 'hil-run', ...session })
const execution = (id: string, type: string, data: unknown = {}, more: Partial<Step> = {}) =>
  measured('execution', id, type, data, more)

const bench: readonly Step[] = [
  measured(...register('hil-brake')),
  measured('bench', 'hil-brake', 'DescribeBench', { location: 'hall 3, row 1' }),
  measured('bench', 'hil-brake', 'StartMaintenance', { reason: 'new power supply' }),
  measured('bench', 'hil-brake', 'EndMaintenance'),
  measured('bench', 'hil-brake', 'QuarantineBench', { reason: 'two attempts in a row failed for its own sake' }),
  measured('bench', 'hil-brake', 'ReturnBenchToService'),
  before(...register('hil-part')),
  measured('bench', 'hil-part', 'ConnectBench', session),
  measured('bench', 'hil-part', 'SuspectBench', session),
  measured('bench', 'hil-part', 'RecoverBench', session),
  measured('bench', 'hil-part', 'DisconnectBench', session),
  before('bench', 'hil-part', 'ConnectBench', { ...session, epoch: 2 }),
  measured('bench', 'hil-part', 'LoseBench', { ...session, epoch: 2, lastSeenAt: dayBeginsAt }),
  measured('bench', 'hil-part', 'HoldInterval', { reservationId: 'r-part', ...windowAt(0), holder: 'ada@example.com' }),
  measured('bench', 'hil-part', 'MoveInterval', { reservationId: 'r-part', ...windowAt(0, 2) }),
  measured('bench', 'hil-part', 'TransferInterval', { reservationId: 'r-part', holder: 'bob@example.com' }),
  measured('bench', 'hil-part', 'OccupyBench', { executionId: 'e-part', reservationId: 'r-part' }),
  measured('bench', 'hil-part', 'VacateBench', { executionId: 'e-part' }),
  measured('bench', 'hil-part', 'FreeInterval', { reservationId: 'r-part', used: true }),
  measured('bench', 'hil-part', 'RetireBench', { force: false }),
]

const reservation: readonly Step[] = [
  measured('reservation', 'r-1', 'RequestReservation', booking(['hil-brake'], windowAt(20)), { note: 'one bench' }),
  measured('reservation', 'r-1', 'AmendReservation', { end: inHours(22) }),
  measured('reservation', 'r-1', 'TransferReservation', { holder: 'bob@example.com' }),
  measured('reservation', 'r-1', 'CancelReservation'),
  before(...register('hil-2')),
  before(...register('hil-3')),
  measured('reservation', 'r-gang', 'RequestReservation', booking(['hil-brake', 'hil-2', 'hil-3'], windowAt(24)), {
    note: 'three benches',
  }),
  ...[...candidates].map((benchId) => before(...register(benchId))),
  before('reservation', 'r-long', 'RequestReservation', booking(['hil-a'], windowAt(1, 2))),
  before('reservation', 'r-short', 'RequestReservation', booking(['hil-b'], windowAt(1, 3))),
  measured(
    'reservation',
    'r-queued',
    'RequestReservation',
    { ...byQuery, ...windowAt(1), queue: true },
    {
      note: 'by query, queued',
    },
  ),
  before('execution', 'e-queued', 'SubmitExecution', plan('r-queued')),
  before('reservation', 'r-short', 'CancelReservation'),
  measured('reservation', 'r-queued', 'PullForward', {}, { note: 'to another bench' }),
  measured('execution', 'e-queued', 'FollowReservation'),
  before('reservation', 'r-evicted', 'RequestReservation', booking(['hil-3'], windowAt(4))),
  before('bench', 'hil-3', 'RetireBench', { force: true }),
  measured('reservation', 'r-evicted', 'EvictReservation', { benchId: 'hil-3' }),
]

const run: readonly Step[] = [
  before(...register('hil-run')),
  measured('worker', 'rack-3', 'EnrolWorker', { labels: { hall: '2', rack: '3' } }),
  measured('worker', 'rack-3', 'OpenSession', { benches: ['hil-run'], agentVersion: '0.1.0' }),
  before('reservation', 'r-run', 'RequestReservation', booking(['hil-run'], { durationMs: hourMs })),
  measured('reservation', 'r-run', 'Tick', {}, { afterMs: 1_000 }),
  measured('reservation', 'r-run', 'CheckInReservation'),
  execution('e-1', 'SubmitExecution', plan('r-run'), { note: 'three tasks' }),
  execution('e-1', 'ClaimTask', claim('flash'), { note: 'the first of its execution' }),
  execution('e-1', 'AnnounceArtifact', { ...attempt('flash'), path: artifact.path }),
  execution('e-1', 'RecordArtifact', { ...attempt('flash'), ...artifact }),
  execution('e-1', 'CompleteAttempt', { ...attempt('flash'), result: { passed: 212 }, artifacts: [artifact.path] }),
  execution('e-1', 'ClaimTask', claim('measure'), { note: 'a further one' }),
  execution('e-1', 'FailAttempt', { ...attempt('measure'), reason: 'exit code 1' }),
  before('execution', 'e-1', 'ClaimTask', claim('report')),
  execution('e-1', 'CompleteAttempt', attempt('report'), { note: 'the last of its execution' }),
  execution('e-1', 'RedriveExecution'),
  before('execution', 'e-1', 'ClaimTask', claim('measure')),
  execution('e-1', 'CancelExecution', { reason: 'wrong firmware' }),
  execution('e-1', 'AcknowledgeCancel', attempt('measure', 2)),
  before('execution', 'e-1', 'RedriveExecution'),
  before('execution', 'e-1', 'ClaimTask', claim('measure')),
  execution(
    'e-1',
    'LoseAttempt',
    { ...attempt('measure', 3), reason: 'its worker was lost' },
    { note: 'and its execution ends' },
  ),
  before('execution', 'e-2', 'SubmitExecution', plan('r-run')),
  before('execution', 'e-2', 'ClaimTask', claim('flash')),
  before('reservation', 'r-run', 'Tick', {}, { afterMs: hourMs - 59_000 }),
  execution('e-2', 'ExtendGrace'),
  execution('e-2', 'Tick', {}, { afterMs: 60_000 }),
  execution('e-2', 'EndExecution', { reason: 'the reservation is over' }),
]

const rest: readonly Step[] = [
  before('reservation', 'r-hold', 'RequestReservation', booking(['hil-brake'], { durationMs: 120_000 })),
  before('reservation', 'r-hold', 'Tick', {}, { afterMs: 1_000 }),
  before('reservation', 'r-hold', 'Tick', {}, { afterMs: 60_000 }),
  measured('reservation', 'r-hold', 'ExtendHold', { until: inHours(2) }),
  measured('reservation', 'r-hold', 'ReleaseReservation'),
  measured('worker', 'rack-3', 'CloseSession', { epoch: 1 }),
  before('worker', 'rack-3', 'OpenSession', { benches: ['hil-run'], agentVersion: '0.1.0' }),
  measured('worker', 'rack-3', 'ExpireSession', { epoch: 2, lastSeenAt: inHours(2) }),
  measured('message', 'm-1', 'AcceptMessage', { content: { text: 'x'.repeat(200) }, sha256: 'b'.repeat(64) }),
]

export const story: readonly Step[] = [...bench, ...reservation, ...run, ...rest]
