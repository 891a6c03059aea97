import { type AttributeValue, ScanCommand } from '@aws-sdk/client-dynamodb'
import { expect } from 'vitest'
import { tableName } from '../../adapters/dynamodb/layout.ts'
import type { Commit } from '../../domain/event.ts'
import type { ViewStore } from '../../domain/ports.ts'
import { temporaryDirectories } from '../adapters/directories.ts'
import type { localEngine } from '../adapters/dynamodbLocal.ts'
import { foldedRows } from './house.ts'
import { openConsumer, openSender, openServer, rowsIn, type Server } from './sharedHouse.ts'

/** Servers on tables of their own, closed after each test. */
export const sharedTables = (engine: ReturnType<typeof localEngine>) => {
  const { closing } = temporaryDirectories()
  const opened = async () => {
    const place = { client: engine.client(), tablePrefix: await engine.tables() }
    const open = async (options: Parameters<typeof openServer>[1] = {}) => closing(await openServer(place, options))
    const server = await open()
    const consumer = closing(openConsumer(server.history, place))
    const consume = async (commits: readonly Commit[], views?: ViewStore): Promise<void> => {
      await consumer.write(views ?? (await server.following.toWrite()), commits)
      await consumer.publish(commits)
    }
    const sender = openSender(server.history, consume)
    return { place, open, server, consumer, consume, sender }
  }

  /** Something has happened on them. */
  const lived = async () => {
    const all = await opened()
    const { bench, book, run } = all.sender
    for (const id of ['b1', 'b2', 'b3']) await bench(id)
    for (const n of [1, 2, 3, 4]) await book(`r${n}`, `b${1 + (n % 3)}`)
    await run('e1', 'r1')
    return all
  }

  /** Every set of rows that anything is left of. */
  const generationsLeft = async (tablePrefix: string): Promise<readonly string[]> => {
    const left = new Set<string>()
    let next: Record<string, AttributeValue> | undefined
    do {
      const request = { TableName: tableName('views', tablePrefix), ...(next && { ExclusiveStartKey: next }) }
      const { Items = [], LastEvaluatedKey } = await engine.client().send(new ScanCommand(request))
      for (const { pk } of Items) left.add(/^(\d+)\//.exec(pk?.S ?? '')?.[1] ?? '')
      next = LastEvaluatedKey
    } while (next !== undefined)
    left.delete('')
    return [...left].toSorted()
  }

  /** What serves is what the history folds to, and nothing else is left. */
  const expectWhole = async ({ following, history, generations }: Server, tablePrefix: string): Promise<void> => {
    const { views, generation, isWhole } = await following.look()
    expect(isWhole).toBe(true)
    const { owed, ...rows } = Object.fromEntries(await rowsIn(views))
    const own = Object.entries(rows).filter(([key]) => !/^(deadLetters|callbacks)\//.test(key))
    expect([owed, new Map(own)]).toEqual([undefined, await foldedRows(history)])
    expect([await generationsLeft(tablePrefix), (await generations.read())?.isTidy]).toEqual([[`${generation}`], true])
  }

  return { opened, lived, generationsLeft, expectWhole, closing }
}
