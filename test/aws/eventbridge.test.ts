import { CreateEventBusCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge'
import { CreateQueueCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, test } from 'vitest'
import type { ConnectOptions } from '../../adapters/awsConnection.ts'
import { connect } from '../../adapters/eventbridge/client.ts'
import { openPublisher, type PublisherPorts } from '../../adapters/eventbridge/publisher.ts'
import { motoServer } from '../adapters/moto.ts'
import { throttled } from '../adapters/motoProxy.ts'
import { commitOf, storedEvent } from '../adapters/published.ts'

const moto = motoServer()
let made = 0

interface Received {
  source: string
  'detail-type': string
  resources: string[]
  detail: { id: string; data?: object; dataref?: string }
}

/** A bus with a rule that sends to a queue, a publisher for it, and what the queue has received. */
const opened = async (pattern: object, more: Partial<PublisherPorts> & { connection?: ConnectOptions } = {}) => {
  const client = moto.closing(connect({ ...moto.settings(), attemptCountMax: 1, ...more.connection }))
  const sqs = moto.closing(new SQSClient(moto.settings()))
  const name = `bus-${++made}`
  await client.send(new CreateEventBusCommand({ Name: name }))
  await client.send(new PutRuleCommand({ EventBusName: name, Name: 'rule', EventPattern: JSON.stringify(pattern) }))
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }))
  const Arn = `arn:aws:sqs:eu-central-1:123456789012:${name}`
  await client.send(new PutTargetsCommand({ EventBusName: name, Rule: 'rule', Targets: [{ Id: 'queue', Arn }] }))
  const kept = new Map<string, string>()
  const payloads: PublisherPorts['payloads'] = {
    put: async (key, json) => {
      kept.set(key, json)
      return `memory:${key}`
    },
  }
  const publisher = openPublisher({ client, busName: name, payloads, pauseMs: 5, ...more })
  return { ...publisher, kept, received: () => receivedBy(sqs, QueueUrl) }
}

/** What has come by now, and is taken off. */
const receivedBy = async (sqs: SQSClient, QueueUrl: string | undefined): Promise<Received[]> => {
  const all: Received[] = []
  for (;;) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
    if (Messages.length === 0) return all
    all.push(...Messages.map(({ Body = '' }) => JSON.parse(Body) as Received))
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
  }
}

const everything = { source: [{ prefix: 'benchplane/' }] }
const one = (id: string, data: object = {}) => commitOf(id, [storedEvent(data)])
const many = (count: number) => Array.from({ length: count }, (_, n) => one(`e${n}`))
const idsOf = (received: readonly Received[]) => received.map(({ detail }) => detail.id).toSorted()
const wholeIds = (count: number) => Array.from({ length: count }, (_, n) => `execution/e${n}/1`).toSorted()

describe('events on the bus', () => {
  test('reach the target of the rule that matches them, as CloudEvents; others do not', async () => {
    const pattern = { source: ['benchplane/default'], 'detail-type': ['ExecutionFinished'] }
    const { publish, received } = await opened(pattern)
    const events = [storedEvent({ n: 1 }), storedEvent({ verdict: 'passed' }, 'ExecutionFinished')]
    expect(await publish([commitOf('e1', events, 4)])).toEqual({ sentCount: 2, failures: [] })
    const [got, ...more] = await received()
    expect(more).toEqual([])
    expect(got).toMatchObject({
      source: 'benchplane/default',
      'detail-type': 'ExecutionFinished',
      resources: ['default/execution/e1'],
      detail: { specversion: '1.0', id: 'execution/e1/5', data: { verdict: 'passed' }, correlationid: 'about-e1' },
    })
  })

  test('can be told apart by what is in them', async () => {
    const { publish, received } = await opened({ detail: { data: { verdict: [{ 'anything-but': 'passed' }] } } })
    const ended = (verdict: string) => one(verdict, { verdict })
    await publish(['passed', 'failed', 'timed-out'].map(ended))
    expect(idsOf(await received())).toEqual(['execution/failed/1', 'execution/timed-out/1'])
  })

  test('go ten to a call, and all arrive', async () => {
    const { publish, received } = await opened(everything)
    moto.proxy().follow(() => undefined)
    expect(await publish(many(34))).toEqual({ sentCount: 34, failures: [] })
    expect(moto.proxy().countOf('PutEvents')).toBe(4)
    expect(idsOf(await received())).toEqual(wholeIds(34))
  })

  test('that are too large together go in several calls, one that is too large alone by reference', async () => {
    const { publish, received, kept } = await opened(everything)
    moto.proxy().follow(() => undefined)
    const large = { text: 'ü'.repeat(60_000) }
    const tooLarge = { text: 'x'.repeat(262_144) }
    expect(await publish([one('e0', large), one('e1', large), one('e2', large), one('e3', tooLarge)])).toMatchObject({
      sentCount: 4,
    })
    expect(moto.proxy().countOf('PutEvents')).toBe(2)
    const got = await received()
    expect(idsOf(got)).toEqual(wholeIds(4))
    const spilled = got.find(({ detail }) => detail.id === 'execution/e3/1')
    expect(spilled?.detail.dataref).toBe('memory:default/execution/e3/1.json')
    expect(spilled?.detail).not.toHaveProperty('data')
    expect(JSON.parse(kept.get('default/execution/e3/1.json') ?? '')).toEqual(tooLarge)
    expect(kept.size).toBe(1)
  })

  test('nothing to publish asks nothing', async () => {
    const { publish } = await opened(everything)
    moto.proxy().follow(() => undefined)
    expect(await publish([])).toEqual({ sentCount: 0, failures: [] })
    expect(moto.proxy().countOf('PutEvents')).toBe(0)
  })
})

describe('in bad weather', () => {
  test('the entries that failed are sent again, alone, and each arrives once', async () => {
    const { publish, received } = await opened(everything)
    const sizes: number[] = []
    moto.proxy().follow(({ operation, n, body }) => {
      if (operation === 'PutEvents') sizes.push((JSON.parse(body) as { Entries: unknown[] }).Entries.length)
      const codeOf = (_: object, index: number) => (index % 3 === 0 ? 'ThrottlingException' : undefined)
      return operation === 'PutEvents' && n <= 2 ? { kind: 'partial', codeOf } : undefined
    })
    expect(await publish(many(10))).toEqual({ sentCount: 10, failures: [] })
    expect(sizes).toEqual([10, 4, 2])
    expect(idsOf(await received())).toEqual(wholeIds(10))
  })

  test('an entry that is refused for good is not sent again; the others are, and the lowest failed is told', async () => {
    const { publish, received } = await opened(everything)
    const isPoison = ({ Detail }: { Detail: string }) => /execution\/e(?:3|7)\//.test(Detail)
    moto
      .proxy()
      .follow(({ operation }) =>
        operation === 'PutEvents'
          ? { kind: 'partial', codeOf: (entry) => (isPoison(entry) ? 'InvalidArgument' : undefined) }
          : undefined,
      )
    const { failedIndex, failures, sentCount } = await publish(many(12))
    expect({ failedIndex, sentCount }).toEqual({ failedIndex: 3, sentCount: 10 })
    expect(failures).toEqual([
      { index: 3, eventId: 'execution/e3/1', error: 'InvalidArgument: by proxy', isFinal: true },
      { index: 7, eventId: 'execution/e7/1', error: 'InvalidArgument: by proxy', isFinal: true },
    ])
    expect(moto.proxy().countOf('PutEvents')).toBe(2)
    expect(await received()).toHaveLength(10)
  })

  test.each([
    ['entry by entry', 'NotAuthorizedForSourceException'],
    ['entry by entry', 'AccessDeniedException'],
    ['as a whole', 'AccessDeniedException'],
    ['as a whole', 'UnrecognizedClientException'],
  ])('that we may not publish, told %s as %s, is an outage: nothing is given up for good', async (how, type) => {
    const { publish, received } = await opened(everything, { attemptCountMax: 3 })
    const trouble =
      how === 'as a whole' ? { kind: 'answer', status: 400, type } : { kind: 'partial', codeOf: () => type }
    moto.proxy().follow(({ operation, n }) => (operation === 'PutEvents' && n <= 3 ? (trouble as never) : undefined))
    const { failedIndex, failures, sentCount } = await publish(many(3))
    expect({ failedIndex, sentCount, isFinal: failures.map(({ isFinal }) => isFinal) }).toEqual({
      failedIndex: 0,
      sentCount: 0,
      isFinal: [false, false, false],
    })
    expect(await publish(many(3))).toEqual({ sentCount: 3, failures: [] })
    expect(idsOf(await received())).toEqual(wholeIds(3))
  })

  test('a call that is refused for the sake of one entry is taken apart', async () => {
    const { publish, received } = await opened(everything)
    moto
      .proxy()
      .follow(({ operation, body }) =>
        operation === 'PutEvents' && body.includes('execution/e2/1')
          ? { kind: 'answer', status: 400, type: 'ValidationException' }
          : undefined,
      )
    const { failedIndex, failures } = await publish(many(5))
    expect({ failedIndex, count: failures.length }).toEqual({ failedIndex: 2, count: 1 })
    expect(failures[0]).toMatchObject({ isFinal: true })
    expect(idsOf(await received())).toEqual(wholeIds(5).filter((id) => id !== 'execution/e2/1'))
  })

  test.each([
    ['throttled', throttled],
    ['answered by a 500', { kind: 'failed' }],
    ['cut off before it was heard', { kind: 'refused' }],
    ['cut off before it was answered', { kind: 'cut' }],
  ] as const)('a call that is %s twice gets through at the third time', async (_, trouble) => {
    const { publish, received } = await opened(everything)
    moto.proxy().follow(({ operation, n }) => (operation === 'PutEvents' && n <= 2 ? trouble : undefined))
    expect(await publish(many(3))).toEqual({ sentCount: 3, failures: [] })
    // At least once: what was not answered may have been heard.
    expect([...new Set(idsOf(await received()))]).toEqual(wholeIds(3))
  })

  test('a service that stays away is given up after a bounded time, with all that is not on the bus', async () => {
    const { publish } = await opened(everything, { attemptCountMax: 3 })
    moto.proxy().follow(({ operation }) => (operation === 'PutEvents' ? throttled : undefined))
    const { failedIndex, failures, sentCount } = await publish(many(11))
    expect({ failedIndex, sentCount, count: failures.length }).toEqual({ failedIndex: 0, sentCount: 0, count: 11 })
    expect(failures.every(({ isFinal, error }) => !isFinal && error.startsWith('ThrottlingException'))).toBe(true)
    expect(moto.proxy().countOf('PutEvents')).toBe(6)
  })

  test('a service that does not answer is left alone after its time', async () => {
    const { publish } = await opened(everything, { givenMs: 300 })
    moto.proxy().follow(({ operation }) => (operation === 'PutEvents' ? { kind: 'silent' } : undefined))
    const startedAt = performance.now()
    expect((await publish(many(1))).failures).toMatchObject([{ index: 0, isFinal: false }])
    expect(performance.now() - startedAt).toBeLessThan(4_000)
  })

  test('while large data cannot be put aside, their event waits and the others go', async () => {
    const outages = [new Error('no room'), new Error('no room')]
    const payloads = {
      put: async () => {
        const outage = outages.shift()
        if (outage !== undefined) throw outage
        return 'file:///kept'
      },
    }
    const large = one('e1', { text: 'x'.repeat(300_000) })
    const first = await opened(everything, { payloads, attemptCountMax: 2 })
    expect(await first.publish([one('e0'), large])).toMatchObject({ sentCount: 1, failedIndex: 1 })
    const second = await opened(everything, { payloads })
    expect(await second.publish([one('e0'), large])).toEqual({ sentCount: 2, failures: [] })
    expect((await second.received()).map(({ detail }) => detail.dataref)).toContain('file:///kept')
  })
})
