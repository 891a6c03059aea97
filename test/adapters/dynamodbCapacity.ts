import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'

/** What a client has asked of the engine since it was last looked at. Calls are counted once, whatever the SDK repeats. */
export interface Spent {
  calls: readonly string[]
  writeUnits: number
  readUnits: number
}

/** Plain values as ElectroDB hands them over, or tagged ones as the SDK does. */
type Item = Record<string, unknown>

const bytesOfNumber = (value: number): number => Math.ceil(String(value).replace(/[-.]/g, '').length / 2) + 1

/** As AWS counts: names and values, three bytes for a list and one for each member. */
const bytesOf = (value: unknown): number => {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'number') return bytesOfNumber(value)
  if (value instanceof Uint8Array) return value.length
  if (Array.isArray(value)) return value.reduce<number>((sum, member) => sum + 1 + bytesOf(member), 3)
  const { S, N, B, L } = value as { S?: string; N?: string; B?: Uint8Array; L?: unknown[] }
  if (N !== undefined) return bytesOf(Number(N))
  if (L !== undefined) return bytesOf(L)
  if ((S ?? B) !== undefined) return bytesOf(S ?? B)
  throw new Error(`what does ${JSON.stringify(value)} cost?`)
}

const bytesOfItem = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + bytesOf(value), 0)

const units = (bytes: number, unitBytes: number): number => Math.max(1, Math.ceil(bytes / unitBytes))
const writeUnits = (item: Item): number => units(bytesOfItem(item), 1_024)
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

interface Request {
  Item?: Item
  TransactItems?: { Put?: { Item: Item } }[]
  ConsistentRead?: boolean
  RequestItems?: Record<string, { Keys?: unknown[]; ConsistentRead?: boolean }>
}
interface Response {
  Item?: Item
  Items?: Item[]
  Attributes?: Item
  Responses?: Record<string, Item[]>
}

/**
 * By AWS's published rule, since the local engine reports transactions too low: ⌈KB⌉ a put, twice that a member, checks
 * included. What an update or a removal has found is not told, unless it is asked for: then it is taken to be small.
 */
const writesOf = (name: string, { Item: item, TransactItems: members }: Request, response: Response | undefined) => {
  if (name === 'PutItem' && item !== undefined) return writeUnits(item)
  if (name === 'TransactWriteItems' && members !== undefined)
    return sum(members.map(({ Put }) => 2 * (Put === undefined ? 1 : writeUnits(Put.Item))))
  if (name === 'UpdateItem' || name === 'DeleteItem') return writeUnits(response?.Attributes ?? {})
  return 0
}

/** A read of what is not there costs the least there is. */
const readsOf = (name: string, request: Request, { Item: item, Items: items, Responses }: Response): number => {
  const factor = (isConsistent = false): number => (isConsistent ? 1 : 0.5)
  if (name === 'GetItem') return factor(request.ConsistentRead) * units(bytesOfItem(item ?? {}), 4_096)
  if (items !== undefined) return factor(request.ConsistentRead) * units(sum(items.map(bytesOfItem)), 4_096)
  const asked = Object.entries(request.RequestItems ?? {})
  return sum(
    asked.map(([table, { Keys = [], ConsistentRead }]) => {
      const found = Responses?.[table] ?? []
      const missing = Math.max(0, Keys.length - found.length)
      return factor(ConsistentRead) * (sum(found.map((each) => units(bytesOfItem(each), 4_096))) + missing)
    }),
  )
}

/** Counts what goes through the client. Answers what was spent since the last call. */
export const countSpent = (client: DynamoDBClient): (() => Spent) => {
  let calls: string[] = []
  let [writes, reads] = [0, 0]
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const name = String(context.commandName).replace('Command', '')
      const request = args.input as Request
      calls.push(name)
      try {
        const answer = await next(args)
        writes += writesOf(name, request, answer.output as Response)
        reads += readsOf(name, request, answer.output as Response)
        return answer
      } catch (error) {
        // A refused write is charged as one that took place.
        writes += writesOf(name, request, undefined)
        throw error
      }
    },
    { step: 'initialize', name: 'countSpent' },
  )
  return () => {
    const spent = { calls, writeUnits: writes, readUnits: reads }
    calls = []
    ;[writes, reads] = [0, 0]
    return spent
  }
}
