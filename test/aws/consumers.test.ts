import { CreateEventBusCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge'
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { describe, expect, test, vi } from 'vitest'
import { connect } from '../../adapters/eventbridge/client.ts'
import { openPublisher } from '../../adapters/eventbridge/publisher.ts'
import { openHistory } from '../../adapters/memory/history.ts'
import { openViews } from '../../adapters/memory/views.ts'
import { lettersIn, openLetterQueue } from '../../adapters/sqs/letters.ts'
import { openPublishConsumer } from '../../infra/consumers/publish.ts'
import { openReactConsumer, watchedTypes } from '../../infra/consumers/react.ts'
import { openCounters } from '../../infra/counters.ts'
import { openHeadCache } from '../../infra/headCache.ts'
import { noLog } from '../../infra/log.ts'
import { openWriting } from '../../infra/services.ts'
import { openFolds } from '../../projections/folds.ts'
import type { QueueHandler } from '../../projections/handler.ts'
import type { FoundLetter, Letter } from '../../projections/letters.ts'
import { project } from '../../projections/project.ts'
import { motoServer } from '../adapters/moto.ts'
import { throttled } from '../adapters/motoProxy.ts'
import { numbered, recordsOf } from '../infra/consumers/records.ts'
import { openLetterBox } from '../infra/consumers/streamed.ts'
import { writePath } from '../writePath.ts'

const moto = motoServer()
let made = 0
const now = () => new Date().toISOString()
const outsize = async (): Promise<string> => {
  throw new Error('nothing here is too large for the bus')
}

const openQueue = async () => {
  const client = moto.closing(new SQSClient({ ...moto.settings(), maxAttempts: 1 }))
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: `consumers-${++made}` }))
  return { client, queueUrl: QueueUrl }
}
type Queue = Awaited<ReturnType<typeof openQueue>>

/** Feeds a handler from a queue as Lambda does: what it does not name as failed is deleted, what it does comes again. */
const feedFrom = async ({ client, queueUrl: QueueUrl }: Queue, handler: QueueHandler): Promise<number> => {
  const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
  const Records = Messages.map(({ MessageId: messageId = '', Body: body = '' }) => ({ messageId, body }))
  const { batchItemFailures } = await handler({ Records })
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
  for (const { MessageId = '', ReceiptHandle } of Messages)
    if (failed.has(MessageId))
      await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }))
    else await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  return Records.length
}

const countOf = async ({ client, queueUrl: QueueUrl }: Queue): Promise<number> => {
  const AttributeNames = ['ApproximateNumberOfMessages' as const]
  const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }))
  return Number(Attributes?.['ApproximateNumberOfMessages'])
}

/** History, a bus whose rule sends on what policies watch, and the consumers on both ends. */
const opened = async () => {
  const bus = moto.closing(connect({ ...moto.settings(), attemptCountMax: 1 }))
  const queue = await openQueue()
  const Name = `house-${made}`
  await bus.send(new CreateEventBusCommand({ Name }))
  const pattern = { source: [{ prefix: 'benchplane/' }], 'detail-type': watchedTypes }
  await bus.send(new PutRuleCommand({ EventBusName: Name, Name: 'react', EventPattern: JSON.stringify(pattern) }))
  const Arn = `arn:aws:sqs:eu-central-1:123456789012:${queue.queueUrl.split('/').at(-1)}`
  await bus.send(new PutTargetsCommand({ EventBusName: Name, Rule: 'react', Targets: [{ Id: 'queue', Arn }] }))
  const history = openHistory()
  const [counters, box, views, path] = [openCounters(), openLetterBox(), openViews(), writePath(history)]
  const told = { log: noLog, counters }
  const publisher = openPublisher({ client: bus, busName: Name, payloads: { put: outsize }, attemptCountMax: 1 })
  const publish = openPublishConsumer({ ...told, publisher, letters: box, now })
  const candidates = async () => ({ benchIds: ['b1'], excluded: {} })
  const writing = openWriting({ store: history, cache: openHeadCache(), counters, now, candidates })
  const react = openReactConsumer({ ...told, wholeViews: async () => views, history, send: writing.send, waitMs: 0 })
  const commits = async () => (await history.feed(undefined, 1_000)).commits.map(({ commit }) => commit)
  const projectAll = async () =>
    project({ views, load: (...asked) => history.load(...asked), folds: openFolds() }, await commits())
  await path.send('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' })
  const window = { start: '2026-03-01T10:00:00.000Z', durationMs: 3_600_000, checkInWithinMs: 0, graceMs: 0 }
  await path.send('reservation', 'r1', 'RequestReservation', { holder: 'ada', benches: [{ benchId: 'b1' }], ...window })
  await path.send('bench', 'b1', 'RetireBench', { force: true })
  const statusOf = async (): Promise<string> => {
    const head = await writing.headOf('t', 'reservation', 'r1')
    return (head.state as { status: string }).status
  }
  return { queue, publish, react, commits, projectAll, statusOf, counters, box }
}

describe('from the stream over the bus to the policies', () => {
  test('an event becomes a command once the views have it, and not before', async () => {
    const { queue, publish, react, commits, projectAll, statusOf, counters } = await opened()
    expect(await publish({ Records: recordsOf(await commits()) })).toEqual({ batchItemFailures: [] })
    expect(counters.publishedEvents).toBeGreaterThan(3)
    expect(await feedFrom(queue, react)).toBeGreaterThan(0)
    expect(await statusOf()).toBe('confirmed')
    await projectAll()
    await vi.waitFor(
      async () => {
        await feedFrom(queue, react)
        expect(await statusOf()).not.toBe('confirmed')
      },
      { timeout: 10_000, interval: 100 },
    )
    await vi.waitFor(async () => expect(await countOf(queue)).toBe(0))
  })

  test('an outage of the bus is reported by the first record that met it, and nothing is put aside', async () => {
    const { publish, commits, counters, box } = await opened()
    const Records = recordsOf(await commits())
    const codeOf = ({ Detail }: { Detail: string }) => (Detail.includes('BenchRetired') ? 'InternalFailure' : undefined)
    moto.proxy().follow(({ operation }) => (operation === 'PutEvents' ? { kind: 'partial', codeOf } : undefined))
    const index = (await commits()).findIndex(({ events }) => events.some(({ type }) => type === 'BenchRetired'))
    expect(await publish({ Records })).toEqual({ batchItemFailures: [{ itemIdentifier: numbered(index + 1) }] })
    expect(box.letters).toEqual([])
    expect(counters.consumerOutages).toBe(1)
    moto.proxy().follow(() => undefined)
    expect(await publish({ Records: Records.slice(index) })).toEqual({ batchItemFailures: [] })
  })

  test('what the bus will never take is put aside, and what comes after it is published', async () => {
    const { publish, commits, box, counters } = await opened()
    const codeOf = ({ Detail }: { Detail: string }) =>
      Detail.includes('BenchRegistered') ? 'MalformedDetail' : undefined
    moto.proxy().follow(({ operation }) => (operation === 'PutEvents' ? { kind: 'partial', codeOf } : undefined))
    expect(await publish({ Records: recordsOf(await commits()) })).toEqual({ batchItemFailures: [] })
    expect(box.letters).toMatchObject([
      { consumer: 'publish', stream: 't/bench/b1', version: 1, error: expect.stringContaining('MalformedDetail') },
    ])
    expect(counters.publishedEvents).toBeGreaterThan(2)
  })
})

const letterOf = (n: number): Letter => ({
  consumer: 'project',
  stream: `t/bench/b${n}`,
  version: 1,
  sequenceNumber: numbered(n),
  error: 'unforeseen',
  at: '2026-03-01T10:00:00.000Z',
})

const allIn = async (queue: Queue, more: object = {}) => {
  const found: FoundLetter[] = []
  const others: string[] = []
  const onOther = (_: string, reason: string): void => void others.push(reason)
  const options = { ...queue, consumer: undefined, onOther, waitSeconds: 0, visibilityTimeoutSeconds: 1, ...more }
  for await (const letter of lettersIn(options)) found.push(letter)
  return { found, others }
}

describe('dead letters in a queue', () => {
  test('are there until they are done with, and nothing else is touched', async () => {
    const queue = await openQueue()
    const letters = Array.from({ length: 23 }, (_, n) => letterOf(n))
    await openLetterQueue(queue).keep(letters)
    await queue.client.send(new SendMessageCommand({ QueueUrl: queue.queueUrl, MessageBody: '{"step":{}}' }))
    const { found, others } = await allIn(queue)
    expect(found.map(({ letter }) => (letter as Letter).sequenceNumber).toSorted()).toEqual(
      letters.map(({ sequenceNumber }) => sequenceNumber),
    )
    expect(others).toHaveLength(1)
    for (const { remove } of found.slice(0, 20)) await remove()
    await vi.waitFor(async () => expect(await countOf(queue)).toBe(4), { timeout: 5_000 })
    expect((await allIn(queue)).found).toHaveLength(3)
  })

  test.each([throttled, { kind: 'refused' } as const])('that cannot be written are an outage (%o)', async (trouble) => {
    const queue = await openQueue()
    moto.proxy().follow(({ operation }) => (operation === 'SendMessageBatch' ? trouble : undefined))
    await expect(openLetterQueue(queue).keep([letterOf(1)])).rejects.toMatchObject({ code: 'storage-unusable' })
  })
})
