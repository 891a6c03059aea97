import type { Command, DataOf, Decider, Rejection } from '../decider.ts'
import type * as commands from './commands.ts'
import type { WorkerEvent } from './events.ts'
import { evolve, initial, type Worker, type WorkerState } from './state.ts'

type Data<Type extends keyof typeof commands> = DataOf<typeof commands, Type>
export type WorkerCommand = { [Type in keyof typeof commands]: Command<Type, Data<Type>> }[keyof typeof commands]
type Answer = readonly WorkerEvent[] | Rejection

// The rejections.

export const workerUnknown = (workerId: string): Rejection => ({
  rejection: 'WorkerUnknown',
  detail: `there is no worker ${workerId}: enrol it first`,
  workerId,
})
export interface RunningAttempt {
  executionId: string
  taskName: string
  attempt: number
}
export const attemptsRunning = (attempts: readonly RunningAttempt[]): Rejection => ({
  rejection: 'AttemptsRunning',
  detail: `the session still runs ${attempts.length} attempt(s): wait for them, cancel them, or close it by force`,
  attempts,
})
const staleEpoch = (state: Worker, epoch: number): Rejection => ({
  rejection: 'StaleEpoch',
  detail: `session ${epoch} is not the worker's: its newest is ${state.epoch}`,
  epoch: state.epoch,
})

export const decide = (state: WorkerState, command: WorkerCommand): Answer => {
  if (command.type === 'EnrolWorker') return enrolWorker(state, command.data)
  if (state.status === 'absent') return workerUnknown(command.id)
  switch (command.type) {
    case 'OpenSession':
      return openSession(state, command.data)
    case 'CloseSession':
      return closeSession(state, command.data)
    case 'ExpireSession':
      return expireSession(state, command.data)
  }
}

const enrolWorker = (state: WorkerState, { labels }: Data<'EnrolWorker'>): Answer =>
  state.status === 'enrolled' && sameLabels(state.labels, labels) ? [] : [{ type: 'WorkerEnrolled', data: { labels } }]

const sameLabels = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([key, value]) => b[key] === value)

/** A new session each time: two lives of an agent never share an epoch. */
const openSession = (state: Worker, { benches, agentVersion }: Data<'OpenSession'>): Answer => {
  const superseded: readonly WorkerEvent[] =
    state.session === null
      ? []
      : [
          {
            type: 'WorkerSessionClosed',
            data: { epoch: state.session.epoch, benchIds: state.session.benchIds, reason: 'superseded' },
          },
        ]
  return [
    ...superseded,
    { type: 'WorkerSessionOpened', data: { epoch: state.epoch + 1, benchIds: benches, agentVersion } },
  ]
}

const closeSession = (state: Worker, { epoch, force }: Data<'CloseSession'>): Answer => {
  if (state.session?.epoch === epoch)
    return [
      {
        type: 'WorkerSessionClosed',
        data: { epoch, benchIds: state.session.benchIds, reason: force ? 'forced' : 'closed' },
      },
    ]
  return state.session === null && state.epoch === epoch ? [] : staleEpoch(state, epoch)
}

/** A session that is over already needs no expiry. */
const expireSession = (state: Worker, { epoch, lastSeenAt }: Data<'ExpireSession'>): Answer =>
  state.session?.epoch === epoch
    ? [{ type: 'WorkerSessionExpired', data: { epoch, benchIds: state.session.benchIds, lastSeenAt } }]
    : []

/** A session's end by silence is decided by its lease, not by a Tick. */
export const decider: Decider<WorkerState, WorkerCommand, WorkerEvent> = {
  initial,
  decide,
  evolve,
  nextDue: () => undefined,
}
