import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  type SFNClient,
} from '@aws-sdk/client-sfn'
import type { RecordedEvent } from '../../domain/event.ts'
import type { Callback, Verdict } from '../../domain/execution/events.ts'
import { eventId, partsOf } from '../../domain/ids.ts'
import { isRefusal, reasonOf, wasRepeated } from '../awsConnection.ts'
import { taskTokenOf } from './taskToken.ts'

export type Answered =
  | { kind: 'taken' }
  /** `isFinal`: nobody waits for it any more. */
  | { kind: 'failed'; error: string; isFinal: boolean }

/** Answers a waiting state machine. Resolves whatever happens; rejects only when `signal` aborts. */
export interface TaskAnswers {
  /** `isRepeated`: an earlier try failed, and may have got through all the same. */
  finish(event: RecordedEvent, isRepeated: boolean, signal: AbortSignal): Promise<Answered>
  /** It is still being worked on. */
  beat(taskToken: string, signal: AbortSignal): Promise<Answered>
}

/** What the step that waited is given: as its output when the execution has passed, as the cause of its failure otherwise. */
interface Outcome {
  executionId: string
  verdict: Verdict
  reservationId: string
  eventId: string
  finishedAt: string
}

export const openTaskAnswers = (client: Pick<SFNClient, 'send'>): TaskAnswers => ({
  finish: (event, isRepeated, signal) => answered(finish(client, event, signal), isRepeated, signal),
  beat: (taskToken, signal) =>
    answered(client.send(new SendTaskHeartbeatCommand({ taskToken }), { abortSignal: signal }), false, signal),
})

const outcomeOf = ({ stream, version, at, data }: RecordedEvent): Outcome => {
  const { verdict, reservationId } = data as { verdict: Verdict; reservationId: string }
  const { id } = partsOf(stream)
  return { executionId: id, verdict, reservationId, eventId: eventId(stream, version), finishedAt: at }
}

const finish = async (client: Pick<SFNClient, 'send'>, event: RecordedEvent, signal: AbortSignal): Promise<unknown> => {
  const taskToken = taskTokenOf((event.data as { callback?: Callback }).callback)
  const outcome = outcomeOf(event)
  const told = JSON.stringify(outcome)
  return outcome.verdict === 'passed'
    ? client.send(new SendTaskSuccessCommand({ taskToken, output: told }), { abortSignal: signal })
    : client.send(new SendTaskFailureCommand({ taskToken, error: outcome.verdict, cause: told }), {
        abortSignal: signal,
      })
}

/** That it has timed out is also said of a task that has had its answer. */
const overNames = new Set(['TaskTimedOut', 'TaskDoesNotExist'])
const finalNames = new Set([...overNames, 'InvalidToken', 'InvalidOutput', 'ValidationException'])

const answered = async (sent: Promise<unknown>, isRepeated: boolean, signal: AbortSignal): Promise<Answered> => {
  try {
    await sent
    return { kind: 'taken' }
  } catch (error) {
    signal.throwIfAborted()
    const name = error instanceof Error ? error.name : ''
    if (overNames.has(name) && (isRepeated || wasRepeated(error))) return { kind: 'taken' }
    return { kind: 'failed', error: reasonOf(error), isFinal: finalNames.has(name) && isRefusal(error) }
  }
}
