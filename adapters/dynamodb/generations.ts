import { randomUUID } from 'node:crypto'
import { BatchWriteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { fault } from '../../domain/faults.ts'
import { type Attributes, type Engine, openEngine } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import { registerKey as key, layout } from './layout.ts'
import { pause } from './outages.ts'
import { generationsEntity } from './viewEntities.ts'
import { openViews } from './views.ts'

/** Which set of rows serves, and which is being built. */
export interface Register {
  /** Goes up with each writing. */
  turn: number
  /** The highest number ever given to a set of rows: none is given twice. */
  newest: number
  /** Absent: none has ever been whole. */
  serving?: GenerationOf
  /** The first commit's hash in the history that they are of; absent while there was none. */
  origin?: string
  /** Served before, and is not yet given up: some may still write to it. */
  former?: number
  /** `builder`: who is at it; absent: nobody. */
  building?: GenerationOf & { builder?: string }
  /** Nothing is left of other sets of rows. */
  isTidy: boolean
  /** The feed has to be written anew too. */
  isFeedLost: boolean
}

export interface GenerationOf {
  generation: number
  /** Of the rows: what they were written by. */
  shape: string
}

/** Writers of one register that meet each other. */
const attemptCountMax = 20

/**
 * The sets of rows in the views table, and the one item that tells which of them serves. It is written on the condition that
 * nobody else has since it was read. Throws the fault `storage-unusable` for an outage. The client is the caller's to
 * destroy, after `close`.
 */
export const openGenerations = (options: EntityOptions) => {
  const engine = openEngine(options, 'views')
  const { read, replace } = openRegister(engine, options)
  return {
    /** The rows of one; the caller's to close. */
    open: (generation: number) => openViews({ ...options, generation }),
    /** Strongly consistent. Undefined: nothing has ever been opened here. */
    read,
    /**
     * Replaces the register by what `decide` makes of it; undefined: it stays as it is. Answers what is written now, if this
     * was written.
     */
    change: async (decide: (seen: Register | undefined) => Register | undefined): Promise<Register | undefined> => {
      for (let attempt = 1; attempt <= attemptCountMax; attempt++) {
        const seen = await read()
        const wanted = decide(seen)
        if (wanted === undefined) return undefined
        const next = { ...wanted, turn: (seen?.turn ?? 0) + 1 }
        if (await replace(seen, next)) return next
        await pause(attempt)
      }
      throw fault('storage-unusable', `the table ${engine.table}: lost ${attemptCountMax} races for its generations`)
    },
    /** Deletes all items of these sets of rows; answers how many. To be repeated after a crash. */
    discard: async (isGivenUp: (generation: number) => boolean, signal?: AbortSignal): Promise<number> =>
      discard(engine, isGivenUp, signal),
    close: engine.close,
  }
}
export type DynamoGenerations = ReturnType<typeof openGenerations>

const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const

const openRegister = (engine: Engine, options: EntityOptions) => {
  const entity = generationsEntity(options)
  const stored = async () => (await engine.ask(async () => entity.get({ key }).go(reading))).data
  return {
    read: async (): Promise<Register | undefined> => {
      const found = await stored()
      return found === null ? undefined : registerOf(found)
    },
    /** False: another was faster. */
    replace: async (seen: Register | undefined, next: Register): Promise<boolean> => {
      const writer = randomUUID()
      const putting = entity
        .put({ key, writer, ...itemOf(next) })
        .where(({ turn }, { eq, notExists }) => (seen === undefined ? notExists(turn) : eq(turn, seen.turn)))
      const answer = await engine.attempt(async () => putting.go({ originalErr: true, response: 'none' }))
      if (answer.kind === 'done') return true
      // Refused by its own writing, whose answer was lost.
      return answer.isRepeated && (await stored())?.writer === writer
    },
  }
}

interface Item extends Omit<Register, 'serving' | 'building'> {
  serving?: number
  shape?: string
  building?: number
  buildingShape?: string
  builder?: string
}

const itemOf = ({ serving, building, ...rest }: Register): Item => ({
  ...rest,
  ...(serving && { serving: serving.generation, shape: serving.shape }),
  ...(building && { building: building.generation, buildingShape: building.shape }),
  ...(building?.builder !== undefined && { builder: building.builder }),
})

const registerOf = ({ turn, newest, isTidy, isFeedLost, ...item }: Item): Register => {
  const { serving, shape = '', origin, former, building, buildingShape = '', builder } = item
  return {
    turn,
    newest,
    isTidy,
    isFeedLost,
    ...(serving === undefined ? {} : { serving: { generation: serving, shape } }),
    ...(origin === undefined ? {} : { origin }),
    ...(former === undefined ? {} : { former }),
    ...(building === undefined
      ? {}
      : { building: { generation: building, shape: buildingShape, ...(builder === undefined ? {} : { builder }) } }),
  }
}

/** The engine's limit of one BatchWriteItem. */
const batchCountMax = 25
/** Batches under way at once: who serves comes first. */
const batchesUnderWayMax = 4
const batchAttemptCountMax = 10

const { hashKey, rangeKey } = layout.tables.views

/** What belongs to a set of rows has its number in front; nothing else begins with one. */
const generationIn = (item: Attributes): number | undefined => {
  const number = /^([1-9][0-9]{0,14})\//.exec(item[hashKey.name]?.S ?? '')?.[1]
  return number === undefined ? undefined : Number(number)
}

const discard = async (
  engine: Engine,
  isGivenUp: (generation: number) => boolean,
  signal: AbortSignal | undefined,
): Promise<number> => {
  const request = {
    TableName: engine.table,
    ProjectionExpression: '#hash, #range',
    ExpressionAttributeNames: { '#hash': hashKey.name, '#range': rangeKey.name },
  }
  let count = 0
  let next: Attributes | undefined
  do {
    signal?.throwIfAborted()
    const page = next === undefined ? request : { ...request, ExclusiveStartKey: next }
    const { Items = [], LastEvaluatedKey } = await engine.ask(async (client) => client.send(new ScanCommand(page)))
    const own = Items.filter((item) => {
      const generation = generationIn(item)
      return generation !== undefined && isGivenUp(generation)
    })
    await removeAll(engine, own)
    count += own.length
    next = LastEvaluatedKey
  } while (next !== undefined)
  return count
}

const removeAll = async (engine: Engine, keys: readonly Attributes[]): Promise<void> => {
  let start = 0
  const walk = async (): Promise<void> => {
    while (start < keys.length) {
      const batch = keys.slice(start, start + batchCountMax)
      start += batchCountMax
      await remove(engine, batch)
    }
  }
  await Promise.all(Array.from({ length: batchesUnderWayMax }, walk))
}

const remove = async ({ ask, table }: Engine, keys: readonly Attributes[]): Promise<void> => {
  let requests = keys.map((Key) => ({ DeleteRequest: { Key } }))
  for (let attempt = 1; requests.length > 0; attempt++) {
    const request = { RequestItems: { [table]: requests } }
    const { UnprocessedItems } = await ask(async (client) => client.send(new BatchWriteItemCommand(request)))
    const left = (UnprocessedItems?.[table] ?? []).flatMap(({ DeleteRequest }) =>
      DeleteRequest?.Key === undefined ? [] : [{ DeleteRequest: { Key: DeleteRequest.Key } }],
    )
    // What it has made way with is no failure.
    if (left.length < requests.length) attempt = 0
    else if (attempt === batchAttemptCountMax) throw fault('storage-unusable', `throttled: ${left.length} items left`)
    requests = left
    if (attempt > 0) await pause(attempt)
  }
}
