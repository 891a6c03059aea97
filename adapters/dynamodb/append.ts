import { randomUUID } from 'node:crypto'
import {
  type CancellationReason,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb'
import type { Commit } from '../../domain/event.ts'
import { fault } from '../../domain/faults.ts'
import type { AppendResult, Check, NewCommit } from '../../domain/ports.ts'
import { sealAppend } from '../commits.ts'
import { commitEntity, type EntityOptions } from './entities.ts'
import { commitOf, type FoundItem, itemOf, type NewItem } from './items.ts'
import { contentionAttemptCountMax, isNamed, pause, wasRepeated } from './outages.ts'
import { foundIn, openRequests } from './requests.ts'

/** The engine takes 4 MB a transaction; the difference is for keys and names. */
const transactionBytesMax = 3.9 * 1024 * 1024

interface Sending {
  client: DynamoDBClient
  requests: ReturnType<typeof openRequests>
}

/**
 * One commit is one conditional PutItem, everything else one transaction. Throws for what is wrong with an append before
 * anything is written, and what the engine throws.
 */
export const openAppends = (options: EntityOptions) => {
  const sending: Sending = { client: options.client, requests: openRequests(commitEntity(options)) }
  return async (newCommits: readonly NewCommit[], checks: readonly Check[]): Promise<AppendResult> => {
    const sealed = sealAppend(newCommits, checks)
    const items = sealed.map(itemOf)
    const [only] = items
    const isAlone = items.length === 1 && checks.length === 0
    const written =
      isAlone && only !== undefined ? await put(sending, only) : await transact(sending, demandRoom(items), checks)
    if (written !== 'written' && !written.isOwn) return { kind: 'conflict', winners: written.winners }
    return { kind: 'appended', commits: sealed.map(({ commit }) => commit) }
  }
}

/** Written, or what was found instead. `isOwn`: that is our own, written by an attempt whose answer was lost. */
type Written = 'written' | { winners: readonly Commit[]; isOwn?: boolean }

const put = async ({ client, requests }: Sending, item: NewItem): Promise<Written> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.send(new PutItemCommand(requests.put(item)))
      return 'written'
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) {
        const winner = foundIn(error.Item ?? {})
        const isOwn = (attempt > 1 || wasRepeated(error)) && isSame(winner, item)
        return { winners: [commitOf(winner)], isOwn }
      }
      if (!isNamed(error, 'TransactionConflictException')) throw error
      if (attempt === contentionAttemptCountMax) return { winners: [] }
    }
    await pause(attempt)
  }
}

/** The hash tells: it covers the command, its time and what it led to. */
const isSame = ({ hash }: FoundItem, item: NewItem): boolean =>
  hash instanceof Uint8Array && Buffer.compare(item.hash, hash) === 0

const demandRoom = (items: readonly NewItem[]): readonly NewItem[] => {
  const bytes = items.reduce((sum, { body, state = '' }) => sum + Buffer.byteLength(body) + Buffer.byteLength(state), 0)
  if (bytes > transactionBytesMax)
    throw fault('too-large', `${items.length} commits of ${bytes} bytes together: at most ${transactionBytesMax}`)
  return items
}

/** Why a transaction was refused, when the same one may well pass in a moment. */
const passing = new Set(['None', 'TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])

/**
 * All or nothing. The token makes the engine answer a repeated request as it answered, or would have answered, the first:
 * so a lost answer is found again, by the SDK's attempts and by ours.
 */
const transact = async (
  { client, requests }: Sending,
  items: readonly NewItem[],
  checks: readonly Check[],
): Promise<Written> => {
  const command = new TransactWriteItemsCommand({
    TransactItems: [...items.map((item) => ({ Put: requests.put(item) })), ...checks.map(requests.check)],
    ClientRequestToken: randomUUID(),
  })
  for (let attempt = 1; ; attempt++) {
    const reasons = await reasonsAgainst(client, command)
    if (reasons === undefined) return 'written'
    const codes = reasons.map(({ Code = 'None' }) => Code)
    if (codes.includes('ConditionalCheckFailed')) return { winners: winnersIn(reasons) }
    const other = reasons.find(({ Code = 'None' }) => !passing.has(Code))
    if (other !== undefined) throw fault('storage-unusable', `refused: ${other.Code}: ${other.Message ?? ''}`)
    if (attempt === contentionAttemptCountMax) return givenUp(codes)
    await pause(attempt)
  }
}

/** Undefined: it has taken place. */
const reasonsAgainst = async (
  client: DynamoDBClient,
  command: TransactWriteItemsCommand,
): Promise<readonly CancellationReason[] | undefined> => {
  try {
    await client.send(command)
    return undefined
  } catch (error) {
    if (error instanceof TransactionCanceledException && error.CancellationReasons !== undefined)
      return error.CancellationReasons
    throw error
  }
}

const winnersIn = (reasons: readonly CancellationReason[]): readonly Commit[] =>
  reasons.flatMap(({ Item }) => (Item === undefined ? [] : [commitOf(foundIn(Item))]))

/** Nothing was written: others are busy on the same streams, which is a conflict; or the table is, which is an outage. */
const givenUp = (codes: readonly string[]): Written => {
  if (codes.includes('TransactionConflict')) return { winners: [] }
  throw fault('storage-unusable', `throttled ${contentionAttemptCountMax} times: ${[...new Set(codes)].join(', ')}`)
}
