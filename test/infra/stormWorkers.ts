/** Those who work: agents that claim, report, are superseded, and never forget what they ran. */
import type { RegisteredBench } from '../../domain/bench/state.ts'
import type { Execution, ExecutionState } from '../../domain/execution/state.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import { benches, chance, type Storm, send, some, stateIn } from './storm.ts'

interface Held {
  executionId: string
  taskName: string
  attempt: number
  epoch: number
}
/** An agent, which never forgets what it ran: it reports for sessions that are long over, too. */
export interface Worker {
  id: string
  epoch: number
  benches: readonly string[]
  /** It has ended its session, and goes on for a while as if it had not. */
  isOver: boolean
  held: Held[]
}

const openSession = async (storm: Storm, worker: Worker): Promise<void> => {
  const data = { benches: some(storm, benches, storm.dice.pick([1, 2, 3])), agentVersion: '1' }
  const outcome = await send(storm, 'worker', worker.id, 'OpenSession', data)
  if (outcome.kind !== 'done') return
  worker.epoch = (outcome.head.state as { epoch: number }).epoch
  worker.benches = data.benches
  worker.isOver = false
}

const endSession = async (storm: Storm, worker: Worker): Promise<void> => {
  const { epoch, id } = worker
  worker.isOver = true
  if (chance(storm, 0.5)) await send(storm, 'worker', id, 'CloseSession', { epoch, force: chance(storm, 0.7) })
  else await send(storm, 'worker', id, 'ExpireSession', { epoch, lastSeenAt: storm.time.now() })
}

const claim = async (storm: Storm, worker: Worker): Promise<void> => {
  const wanted = await aTask(storm, worker)
  if (wanted === undefined || worker.epoch === 0) return
  const { executionId, ...data } = wanted
  const { epoch, id } = worker
  const outcome = await send(storm, 'execution', executionId, 'ClaimTask', { ...data, workerId: id, epoch })
  if (outcome.kind !== 'done') return
  const { taskName } = data
  const task = (outcome.head.state as Execution).tasks.find(({ name }) => name === taskName)
  worker.held.push({ executionId, taskName, attempt: task?.attempts.length ?? 0, epoch })
}

/** Mostly one that is ready, under a reservation that is active, on a bench of the worker's. */
const aTask = async (storm: Storm, worker: Worker) => {
  const { dice, made } = storm
  for (let looks = 0; looks < 12; looks++) {
    const executionId = dice.pick(['e0', ...made.executions.slice(-60)])
    const state = await stateIn<ExecutionState>(storm, 'execution', executionId)
    if (state.status === 'absent') continue
    if (chance(storm, 0.02)) return { executionId, taskName: dice.pick(state.tasks).name, benchId: dice.pick(benches) }
    const startable = startableOn(state, executionId, worker.benches)
    const reservation = await stateIn<ReservationState>(storm, 'reservation', state.reservationId)
    if (startable.length === 0 || reservation.status !== 'active') continue
    const wanted = dice.pick(startable)
    const { occupant } = await stateIn<RegisteredBench>(storm, 'bench', wanted.benchId)
    if (occupant === null || occupant.executionId === executionId || chance(storm, 0.1)) return wanted
  }
  return undefined
}

const startableOn = ({ tasks, benchIds }: Execution, executionId: string, own: readonly string[]) =>
  tasks.flatMap(({ name, status, bench, relocatable }) =>
    status === 'ready' || status === 'waiting-retry'
      ? (relocatable ? benchIds : benchIds.slice(bench, bench + 1))
          .filter((benchId) => own.includes(benchId))
          .map((benchId) => ({ executionId, taskName: name, benchId }))
      : [],
  )

const report = async (storm: Storm, worker: Worker): Promise<void> => {
  const { dice } = storm
  if (worker.held.length === 0) return
  const { executionId, ...held } = dice.pick(worker.held.slice(chance(storm, 0.8) ? -1 : -8))
  const attempt = { ...held, workerId: worker.id }
  const [type, more] = dice.pick([
    ['CompleteAttempt', {}],
    ['CompleteAttempt', { result: { n: worker.held.length } }],
    ['FailAttempt', { reason: 'exit 1', infrastructure: chance(storm, 0.3) }],
    ['AcknowledgeCancel', {}],
    ['RecordArtifact', { path: dice.pick(['a', 'b']), bytes: 1, sha256: '0'.repeat(64) }],
  ] as const)
  await send(storm, 'execution', executionId, type, { ...attempt, ...more })
}

export const work = (storm: Storm, worker: Worker): Promise<void> => {
  const { dice } = storm
  if (worker.epoch === 0 || (worker.isOver && chance(storm, 0.4))) return openSession(storm, worker)
  if (chance(storm, 0.04)) return dice.pick([openSession, endSession])(storm, worker)
  return dice.pick([claim, claim, report])(storm, worker)
}
