/**
 * Callbacks: whoever asked to be told of an execution's end is sent the event, at least once. What is owed is kept among the
 * rows of the views until it was taken or given up.
 */
import { type CallbackHosts, isCallbackAllowed } from '../../adapters/callbackHosts.ts'
import type { TaskAnswers } from '../../adapters/stepfunctions/callback.ts'
import { openTaskHeartbeats } from '../../adapters/stepfunctions/heartbeats.ts'
import { taskTokenOf } from '../../adapters/stepfunctions/taskToken.ts'
import { openPost } from '../../adapters/webhooks/post.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import type { Services } from '../../projections/services.ts'
import { type CallbackCursors, type ConsumerPorts, startCallbackConsumer } from './callbackConsumer.ts'
import { type SenderPorts, startCallbackSender } from './callbackSender.ts'

export interface CallbackOptions {
  /** Gives what callbacks are signed with, `whsec_…`; asked once the data directory is this house's. */
  secret: () => string
  /** Where they may go, see adapters/callbackHosts.ts. Default: anywhere. */
  hosts?: CallbackHosts
  /** Answers state machines that wait with a task token. Default: they are not answered. */
  tasks?: TaskAnswers | undefined
  /** How often one of them is told that its execution is still being worked on, as long as its workers beat. Default 30 000. */
  taskBeatEveryMs?: number
  /** After each failed attempt, give or take a fifth; then it is given up. Default: see `defaultPausesMs`. */
  pausesMs?: readonly number[]
  /** For one attempt. Default 10 000. */
  timeoutMs?: number
}

type ReadyOptions = Omit<CallbackOptions, 'secret'> & { secret: string }

const [s, min, h] = [1_000, 60_000, 3_600_000]
/** Twelve attempts over some 22 hours. */
const defaultPausesMs = [5 * s, 30 * s, 2 * min, 10 * min, 30 * min, h, 2 * h, 3 * h, 4 * h, 5 * h, 6 * h]

type Ports = Omit<ConsumerPorts, 'onOwed' | 'horizonMs' | 'ready' | 'hasTasks'> &
  Omit<SenderPorts, 'post' | 'tasks' | 'isAllowed' | 'pausesMs'> & {
    history: ConsumerPorts['history'] & SenderPorts['history']
    headOf: Services['headOf']
  }

/** Begins at the cursors, with what the rows say is pending. */
export const startCallbacks = (ports: Ports, options: ReadyOptions, cursors: CallbackCursors) => {
  const { secret, hosts, pausesMs = defaultPausesMs, timeoutMs, tasks } = options
  const nowMs = (): number => Date.parse(ports.now())
  const sender = startCallbackSender({
    ...ports,
    pausesMs,
    tasks,
    post: openPost({
      secret,
      nowMs,
      isPublicOnly: hosts === 'public',
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }),
    isAllowed: (url) => isCallbackAllowed(url, hosts),
  })
  const consumer = startCallbackConsumer(
    { ...ports, hasTasks: tasks !== undefined, ready: sender.restored, onOwed: sender.add, horizonMs: 24 * h },
    cursors,
  )
  const heartbeats = tasks && openTaskHeartbeats({ answers: tasks, ...heartbeatPorts(ports, options) })
  return {
    cursor: consumer.cursor,
    offer: consumer.offer,
    /** A worker lives, and works on these. */
    beat: (tenant: string, attempts: readonly { executionId: string }[]): void => heartbeats?.beat(tenant, attempts),
    /** Not taken yet, and not given up. */
    pendingCount: sender.pendingCount,
    stop: async (): Promise<void> => {
      await Promise.all([consumer.stop(), sender.stop(), heartbeats?.stop()])
    },
  }
}

/** How a state machine that waits is told that its execution is worked on. */
export const heartbeatPorts = (
  { headOf, counters, log }: Pick<Ports, 'headOf' | 'counters' | 'log'>,
  { taskBeatEveryMs }: Pick<ReadyOptions, 'taskBeatEveryMs'>,
) => ({
  ...(taskBeatEveryMs === undefined ? {} : { everyMs: taskBeatEveryMs }),
  nowMs: () => performance.now(),
  tokenOf: async (tenant: string, executionId: string) => {
    const state = (await headOf(tenant, 'execution', executionId)).state as ExecutionState
    return state.status === 'absent' ? undefined : taskTokenOf(state.callback)
  },
  onFailure: (executionId: string, error: string): void => {
    const count = ++counters.taskBeatFailures
    log.warn({ executionId, error, count }, 'a state machine was not told that its execution is worked on')
  },
})
