import { PutItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { tableName } from '../../../adapters/dynamodb/layout.ts'
import { openStoredRecords } from '../../../adapters/dynamodb/storedRecords.ts'
import { recordsIn } from '../../../adapters/dynamodb/streamRange.ts'
import { connectStreams } from '../../../adapters/dynamodb/streams.ts'
import { letterIn } from '../../../adapters/sqs/letterBodies.ts'
import { openLetterRows } from '../../../infra/consumers/letterRows.ts'
import { openProjectConsumer } from '../../../infra/consumers/project.ts'
import { type RedrivePorts, redrive } from '../../../infra/consumers/redrive.ts'
import type { FoundLetter, Letter, RangeLetter } from '../../../projections/letters.ts'
import { anybody, localEngine } from '../../adapters/dynamodbLocal.ts'
import { nameOf, type StreamedHouse, story, streamedHouse } from './streamed.ts'

const engine = localEngine()
const opening = streamedHouse(engine)
const streams: { destroy: () => void }[] = []
afterAll(() => streams.forEach((client) => client.destroy()))

const opened = async () => {
  const house = await opening()
  const rows = openLetterRows(house.kept)
  const found = async (): Promise<FoundLetter[]> => {
    const all: FoundLetter[] = []
    for await (const letter of rows.found()) all.push(letter)
    return all
  }
  const client = connectStreams({ endpoint: engine.endpoint(), ...anybody })
  streams.push(client)
  const redriving: RedrivePorts = {
    handlerOf: (_, letters) => openProjectConsumer({ ...house.ports, letters }),
    stored: openStoredRecords(house),
    recordsIn: (...asked) => recordsIn(client, ...asked),
    letters: rows,
  }
  return { ...house, rows, found, redriving }
}

const letter: Letter = {
  consumer: 'project',
  stream: 't/bench/b0',
  version: 1,
  sequenceNumber: '000000000000000000001',
  error: 'unforeseen',
  at: '2026-03-01T10:00:00.000Z',
  correlationId: 'c',
}

/** All that was appended, given up as one range. */
const givenUp = async (house: StreamedHouse, count: number): Promise<RangeLetter> => {
  await story(house, 2)
  const runner = house.run(bug, { mapping: { retryAttemptCountMax: 0, bisectBatchOnFunctionError: false } })
  const range = await vi.waitFor(() => {
    const total = house.box.ranges.reduce((sum, { recordCount }) => sum + recordCount, 0)
    expect(total).toBe(count)
    const [first, last] = [house.box.ranges[0]!, house.box.ranges.at(-1)!]
    return { ...first, endSequenceNumber: last.endSequenceNumber, recordCount: total }
  })
  await runner.stop()
  return range
}
const bug = async (): Promise<never> => {
  throw new Error('a bug')
}

describe('dead letters in rows', () => {
  test('are kept once, found the oldest first, and gone when they are done with', async () => {
    const { rows, found } = await opened()
    const younger = { ...letter, sequenceNumber: '2', at: '2026-03-01T11:00:00.000Z' }
    await rows.keep([younger, letter])
    await rows.keep([letter])
    expect((await found()).map((each) => each.letter)).toEqual([letter, younger])
    for (const each of await found()) await each.remove()
    expect(await found()).toEqual([])
    await rows.keep([letter])
    expect(await found()).toHaveLength(1)
  })
})

describe('a redrive', () => {
  test('does a commit again from history, and takes the letter away when it is done', async () => {
    const house = await opened()
    await story(house, 1)
    await house.rows.keep([letter])
    const [only] = await house.found()
    expect(await redrive(house.redriving, only!)).toEqual({ kind: 'done', recordCount: 1, keptCount: 0 })
    expect(await house.found()).toEqual([])
    expect((await house.views.read('benches', 't', ['b0'])).length).toBe(1)
    expect(await house.inFeed()).toEqual(['t/bench/b0@1'])
  })

  test.each([
    [
      'that fails again',
      {
        handlerOf: (_: string, letters: { keep: (all: Letter[]) => Promise<void> }) => async () => {
          await letters.keep([{ ...letter, error: 'still' }])
          return { batchItemFailures: [] }
        },
      },
      'still',
    ],
    [
      'that meets an outage',
      { handlerOf: () => async () => ({ batchItemFailures: [{ itemIdentifier: '1' }] }) },
      'outage',
    ],
    ['whose handler throws', { handlerOf: () => bug }, 'a bug'],
    ['that history does not have', { stored: async () => undefined }, 'no such commit'],
  ] as const)('leaves a letter %s where it is', async (_, trouble, reason) => {
    const house = await opened()
    await story(house, 1)
    await house.rows.keep([letter])
    const [only] = await house.found()
    const answer = await redrive({ ...house.redriving, ...(trouble as Partial<RedrivePorts>) }, only!)
    expect(answer).toMatchObject({ kind: 'failed', reason: expect.stringContaining(reason) })
    expect(await house.found()).toHaveLength(1)
  })

  test('does a range again that was given up, from the stream itself', async () => {
    const house = await opened()
    const range = await givenUp(house, 8)
    await house.rows.keepRange(range)
    const [only] = await house.found()
    expect(await redrive(house.redriving, only!)).toEqual({ kind: 'done', recordCount: 8, keptCount: 0 })
    expect(new Set(await house.inFeed())).toEqual(new Set((await house.appended()).map(nameOf)))
    expect(await house.found()).toEqual([])
  })

  test('of a range that holds what can never be done leaves that alone aside', async () => {
    const house = await opened()
    const torn = { pk: { S: 't/bench/torn' }, sk: { N: '1' }, body: { S: 'nothing of ours' } }
    const TableName = tableName('history', house.tablePrefix)
    await house.client.send(new PutItemCommand({ TableName, Item: torn }))
    const range = await givenUp(house, 9)
    await house.rows.keepRange(range)
    const [only] = await house.found()
    expect(await redrive(house.redriving, only!)).toEqual({ kind: 'done', recordCount: 9, keptCount: 1 })
    expect((await house.found()).map((each) => each.letter)).toMatchObject([{ stream: 't/bench/torn', version: 1 }])
    expect(new Set(await house.inFeed())).toEqual(new Set((await house.appended()).map(nameOf)))
  })

  test('of a range that the stream has no more says what to do', async () => {
    const house = await opened()
    await story(house, 1)
    const range: RangeLetter = {
      consumer: 'project',
      streamArn: 'arn:aws:dynamodb:ddblocal:000000000000:table/none/stream/2026-03-01T10:00:00.000',
      shardId: 'shardId-00000001773312210512-5b5a6d5e',
      startSequenceNumber: '000000000000000000001',
      endSequenceNumber: '000000000000000000002',
      recordCount: 2,
      reason: 'RetryAttemptsExhausted',
      at: '2026-03-01T10:00:00.000Z',
    }
    await house.rows.keepRange(range)
    const [only] = await house.found()
    expect(await redrive(house.redriving, only!)).toMatchObject({
      kind: 'gone',
      reason: expect.stringContaining('--feed'),
    })
    expect(await house.found()).toHaveLength(1)
  })
})

describe('what the event source mapping has given up', () => {
  const info = {
    shardId: 'shardId-00000001573689847184-864758bb',
    startSequenceNumber: '800000000003126276362',
    endSequenceNumber: '800000000003126276362',
    batchSize: 1,
    streamArn: 'arn:aws:dynamodb:us-east-2:123456789012:table/history/stream/2019-11-14T00:04:06.388',
  }
  const message = (functionName: string) =>
    JSON.stringify({
      requestContext: {
        functionArn: `arn:aws:lambda:us-east-2:123456789012:function:${functionName}`,
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 31,
      },
      responseContext: { statusCode: 200, functionError: 'Unhandled' },
      version: '1.0',
      timestamp: '2019-11-14T00:13:49.717Z',
      DDBStreamBatchInfo: info,
    })

  test.each([
    ['benchplane-project', 'project'],
    ['Pipeline-publish-8Xy2:live', 'publish'],
  ])('by %s is a range of %s', (functionName, consumer) => {
    const { batchSize, ...range } = info
    expect(letterIn(message(functionName), undefined)).toEqual({
      consumer,
      ...range,
      recordCount: batchSize,
      reason: 'RetryAttemptsExhausted',
      at: '2019-11-14T00:13:49.717Z',
    })
  })

  test('by a function whose name does not tell needs to be told whose it is', () => {
    expect(letterIn(message('projectile'), undefined)).toMatchObject({ why: expect.stringContaining('--consumer') })
    expect(letterIn(message('projectile'), 'publish')).toMatchObject({ consumer: 'publish' })
  })

  test.each(['', 'nothing', '{}', '{"step":{},"run":"x"}', JSON.stringify({ ...letter, version: 0 })])(
    'is told from %j, which is no letter',
    (body) => expect(letterIn(body, 'project')).toMatchObject({ kind: 'other' }),
  )
})
