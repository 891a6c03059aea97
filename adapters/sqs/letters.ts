import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { fault } from '../../domain/faults.ts'
import type { FoundLetter, Letter, Letters, RangeLetter, StreamConsumer } from '../../projections/letters.ts'
import { reasonOf } from '../awsConnection.ts'
import { letterIn } from './letterBodies.ts'

export interface LetterQueueOptions {
  client: Pick<SQSClient, 'send'>
  queueUrl: string
}

/** Of one call; a letter is at most some 2 KB, far below what a call may hold. */
const sendCountMax = 10

/** Dead letters in a queue, at least once each. Throws the fault `storage-unusable` for an outage. */
export const openLetterQueue = ({ client, queueUrl: QueueUrl }: LetterQueueOptions) => {
  const sendAll = async (letters: readonly (Letter | RangeLetter)[]): Promise<void> => {
    for (let at = 0; at < letters.length; at += sendCountMax) {
      const part = letters.slice(at, at + sendCountMax)
      const Entries = part.map((letter, index) => ({ Id: String(index), MessageBody: JSON.stringify(letter) }))
      const { Failed = [] } = await guarded(client.send(new SendMessageBatchCommand({ QueueUrl, Entries })))
      const [first] = Failed
      if (first !== undefined) throw fault('storage-unusable', `a dead letter was not taken: ${first.Code}`)
    }
  }
  return {
    keep: sendAll,
    keepRange: (letter: RangeLetter) => sendAll([letter]),
  } satisfies Letters
}

const guarded = <Answer>(work: Promise<Answer>): Promise<Answer> =>
  work.catch((error: unknown) => {
    throw fault('storage-unusable', `the queue of dead letters can't be used: ${reasonOf(error)}`, error)
  })

export interface FindingOptions extends LetterQueueOptions {
  /** Of ranges that the event source mapping has given up, where the function's name does not tell. */
  consumer: StreamConsumer | undefined
  /** A message that is no letter of a consumer: it is left where it is. */
  onOther: (messageId: string, reason: string) => void
  /** How long a message is out of others' sight once it was found. Default 300. */
  visibilityTimeoutSeconds?: number
  /** How long an empty queue is waited for. Default 1. */
  waitSeconds?: number
}

/** Each message that is there, once; one that is not removed is there again after its time. */
export async function* lettersIn(options: FindingOptions): AsyncGenerator<FoundLetter> {
  const { client, queueUrl: QueueUrl, consumer, onOther } = options
  const { visibilityTimeoutSeconds: VisibilityTimeout = 300, waitSeconds: WaitTimeSeconds = 1 } = options
  const request = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout, WaitTimeSeconds }
  const seen = new Set<string>()
  for (;;) {
    const { Messages = [] } = await guarded(client.send(new ReceiveMessageCommand(request)))
    const fresh = Messages.filter(({ MessageId = '' }) => !seen.has(MessageId))
    if (fresh.length === 0) return
    for (const message of fresh) {
      seen.add(message.MessageId ?? '')
      const letter = letterIn(message.Body ?? '', consumer)
      if ('why' in letter) onOther(message.MessageId ?? '', letter.why)
      else yield { letter, remove: () => remove(options, message) }
    }
  }
}

const remove = async (
  { client, queueUrl: QueueUrl }: LetterQueueOptions,
  { ReceiptHandle }: Message,
): Promise<void> => {
  await guarded(client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })))
}
