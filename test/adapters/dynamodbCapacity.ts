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
  const { S, N, B } = value as { S?: string; N?: string; B?: Uint8Array }
  if (N !== undefined) return bytesOf(Number(N))
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
}
interface Response {
  Items?: Item[]
  Responses?: Record<string, Item[]>
}

/** By AWS's published rule, since the local engine reports transactions too low: ⌈KB⌉ a put, twice that a member, checks included. */
const unitsOf = (name: string, request: Request, response: Response): { writes: number; reads: number } => {
  const { Item: item, TransactItems: members } = request
  if (name === 'PutItemCommand' && item !== undefined) return { writes: writeUnits(item), reads: 0 }
  if (name === 'TransactWriteItemsCommand' && members !== undefined)
    return { writes: sum(members.map(({ Put }) => 2 * (Put === undefined ? 1 : writeUnits(Put.Item)))), reads: 0 }
  const factor = request.ConsistentRead === true ? 1 : 0.5
  if (response.Items !== undefined)
    return { writes: 0, reads: factor * units(sum(response.Items.map(bytesOfItem)), 4_096) }
  const found = Object.values(response.Responses ?? {}).flat()
  return { writes: 0, reads: sum(found.map((each) => units(bytesOfItem(each), 4_096))) }
}

/** Counts what goes through the client. Answers what was spent since the last call. */
export const countSpent = (client: DynamoDBClient): (() => Spent) => {
  let calls: string[] = []
  let [writes, reads] = [0, 0]
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const name = String(context.commandName)
      calls.push(name.replace('Command', ''))
      // A refused write is charged as one that took place.
      const asked = unitsOf(name, args.input as Request, {})
      writes += asked.writes
      const answer = await next(args)
      reads += asked.writes > 0 ? 0 : unitsOf(name, args.input as Request, answer.output as Response).reads
      return answer
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
