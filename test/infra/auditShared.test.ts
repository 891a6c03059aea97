import { DeleteItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, test } from 'vitest'
import { tableName } from '../../adapters/dynamodb/layout.ts'
import { openHistory } from '../../adapters/memory/history.ts'
import { openViews } from '../../adapters/memory/views.ts'
import { auditBeside } from '../../infra/audit.ts'
import { localEngine } from '../adapters/dynamodbLocal.ts'
import { openSender, type Server } from './sharedHouse.ts'
import { sharedTables } from './sharedTables.ts'

const engine = localEngine()
const { lived } = sharedTables(engine)
const open = new AbortController().signal

const judged = ({ history, following }: Server, stream?: string, signal = open) =>
  auditBeside(history, following.views(), stream, signal)

const placeOf = (tablePrefix: string, stream: string, version: number) => ({
  TableName: tableName('history', tablePrefix),
  Key: { pk: { S: stream }, sk: { N: String(version) } },
})

describe('an audit beside requests', () => {
  test('finds nothing wrong with what is as it was written', async () => {
    const { server } = await lived()
    const { ok, failures, streamCount, commitCount } = await judged(server)
    expect([ok, failures, streamCount]).toEqual([true, [], 8])
    expect(commitCount).toBe((await Array.fromAsync(server.history.scan())).flat().length)
    expect(await judged(server, 't/bench/b1')).toMatchObject({ ok: true, streamCount: 1 })
  })

  test('finds what was changed, and what is not there any more', async () => {
    const { place, server } = await lived()
    await place.client.send(
      new UpdateItemCommand({
        ...placeOf(place.tablePrefix, 't/bench/b1', 1),
        UpdateExpression: 'SET #body = :body',
        ExpressionAttributeNames: { '#body': 'body' },
        ExpressionAttributeValues: { ':body': { S: '{}' } },
      }),
    )
    await place.client.send(new DeleteItemCommand(placeOf(place.tablePrefix, 't/execution/e1', 1)))
    const { ok, failures } = await judged(server)
    const told = failures.map(({ stream, problem }) => `${stream} ${problem.split(':')[0]}`)
    expect(ok).toBe(false)
    expect(told).toEqual(
      expect.arrayContaining(['bench/b1 hash mismatch', 'bench/b1 unreadable', 'execution/e1 removed']),
    )
    expect(new Set(failures.map(({ stream }) => stream))).toEqual(new Set(['bench/b1', 'execution/e1']))
  })

  test('ends when the house closes', async () => {
    const { server } = await lived()
    await expect(judged(server, undefined, AbortSignal.abort(new Error('closing')))).rejects.toThrow('closing')
  })

  test('lets others have their turn, however much comes at once', async () => {
    const [history, views] = [openHistory(), openViews()]
    const sender = openSender(history, async () => {})
    for (let n = 0; n < 500; n++) await sender.bench(`x${n}`)
    let turnCount = 0
    const closing = new AbortController()
    const take = (): void => {
      turnCount++
      if (!closing.signal.aborted) setImmediate(take)
    }
    take()
    expect((await auditBeside(history, views, undefined, open)).commitCount).toBe(500)
    closing.abort()
    expect(turnCount).toBeGreaterThanOrEqual(10)
  })
})
