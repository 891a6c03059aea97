import { sealCommit } from '../../../adapters/chain.ts'
import { itemOf } from '../../../adapters/dynamodb/items.ts'
import type { Commit } from '../../../domain/event.ts'
import type { StreamRecord } from '../../../projections/handler.ts'

/** The position that a test gives to its n-th record. */
export const numbered = (n: number): string => String(n).padStart(21, '0')

/** A commit as the stream of its table would tell of it. */
export const recordOf = (commit: Commit, n = 1): StreamRecord => {
  const { hash: _, siblings, ...rest } = commit
  const { stream, version, body, hash } = itemOf(sealCommit(rest, siblings))
  const Keys = { pk: { S: stream }, sk: { N: String(version) } }
  const NewImage = { ...Keys, body: { S: body }, hash: { B: Buffer.from(hash).toString('base64') } }
  return { eventID: `event-${n}`, eventName: 'INSERT', dynamodb: { Keys, NewImage, SequenceNumber: numbered(n) } }
}

export const recordsOf = (commits: readonly Commit[]): StreamRecord[] =>
  commits.map((commit, index) => recordOf(commit, index + 1))

/** The record of an item that is no commit. */
export const unreadable = ({ stream, version }: Pick<Commit, 'stream' | 'version'>, n: number): StreamRecord => {
  const Keys = { pk: { S: stream }, sk: { N: String(version) } }
  const NewImage = { ...Keys, body: { S: 'nothing of ours' } }
  return { eventName: 'INSERT', dynamodb: { Keys, NewImage, SequenceNumber: numbered(n) } }
}
