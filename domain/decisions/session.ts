import type { BenchState } from '../bench/state.ts'
import { isRejection } from '../decider.ts'
import { liveAttempt } from '../execution/settle.ts'
import { streamName } from '../ids.ts'
import { attemptsRunning, decide, type RunningAttempt, type WorkerCommand, workerUnknown } from '../worker/decide.ts'
import type { WorkerEvent } from '../worker/events.ts'
import type { Worker } from '../worker/state.ts'
import { askBenches, type BenchAsk } from './consequences.ts'
import { type AddressedCommand, type Ask, nothing, type Program, read, readAll } from './program.ts'

/** OpenSession and CloseSession: the worker's session and the connectivity of its benches change in one append. */
export function* changeSession(command: AddressedCommand): Program {
  const { tenant, id, at, type, data } = command
  const state = yield* read(tenant, 'worker', id)
  if (state.status === 'absent') return workerUnknown(id)
  const running =
    type === 'CloseSession' && !(data as { force: boolean }).force ? yield* runningUnder(tenant, id, state) : []
  if (running.length > 0) return attemptsRunning(running)
  const events = decide(state, { type, data, id, at } as WorkerCommand)
  if (isRejection(events)) return events
  const asks = asksOf(id, state, events)
  const benchIds = [...new Set(asks.map(({ benchId }) => benchId))]
  const states = yield* readAll(tenant, 'bench', benchIds)
  const benches = new Map(benchIds.map((benchId, index) => [benchId, states[index] as BenchState]))
  const asked = askBenches(tenant, benches, asks, at)
  if (isRejection(asked)) return asked
  return events.length === 0 ? nothing : { changes: [{ stream: streamName(tenant, 'worker', id), events }, ...asked] }
}

/** What still runs under a worker's session: its benches say which executions are on them, and those say what runs. */
function* runningUnder(
  tenant: string,
  workerId: string,
  { session }: Worker,
): Generator<Ask, readonly RunningAttempt[], unknown> {
  if (session === null) return []
  const benches = yield* readAll(tenant, 'bench', session.benchIds)
  const occupants = benches.flatMap((bench) =>
    bench.status === 'registered' && bench.occupant !== null ? [bench.occupant.executionId] : [],
  )
  const executionIds = [...new Set(occupants)]
  const executions = yield* readAll(tenant, 'execution', executionIds)
  return executions.flatMap((execution, index) =>
    execution.status === 'absent'
      ? []
      : execution.tasks.flatMap((task) => {
          const live = liveAttempt(task)
          const isIts = live?.workerId === workerId && live.epoch === session.epoch
          return isIts ? [{ executionId: executionIds[index] ?? '', taskName: task.name, attempt: live.attempt }] : []
        }),
  )
}

/** A bench that the next session serves too goes straight to it; the others go offline with the old one. */
const asksOf = (workerId: string, state: Worker, events: readonly WorkerEvent[]): readonly BenchAsk[] => {
  const opened = events.find((event) => event.type === 'WorkerSessionOpened')?.data
  const closed = events.find((event) => event.type === 'WorkerSessionClosed')?.data
  const before = closed === undefined ? [] : (state.session?.benchIds ?? [])
  const after = opened?.benchIds ?? []
  return [
    ...before
      .filter((benchId) => !after.includes(benchId))
      .map(
        (benchId): BenchAsk => ({ benchId, type: 'DisconnectBench', data: { workerId, epoch: closed?.epoch ?? 0 } }),
      ),
    ...after.map(
      (benchId): BenchAsk => ({ benchId, type: 'ConnectBench', data: { workerId, epoch: opened?.epoch ?? 0 } }),
    ),
  ]
}
