import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Commit } from '../../domain/event.ts'
import { partsOf, type StreamName } from '../../domain/ids.ts'
import type { StreamImage, StreamRecord, StreamValue } from '../../projections/handler.ts'
import { commitOf } from './items.ts'
import { layout } from './layout.ts'

interface Position {
  stream: StreamName
  version: number
  sequenceNumber: string
}

/** What a record of the history's stream tells. */
export type ReadRecord =
  | { kind: 'commit'; commit: Commit; sequenceNumber: string }
  /** Not an insert: history has been changed, which nobody may. */
  | (Position & { kind: 'tampering'; what: string })
  /** Inserted, but no commit, or not that of its key. */
  | (Position & { kind: 'unreadable'; error: unknown })

/** Throws for nothing. */
export const readRecord = (record: StreamRecord): ReadRecord => {
  const position = positionOf(record)
  if (record.eventName !== 'INSERT')
    return { kind: 'tampering', ...position, what: String(record.eventName ?? 'unknown') }
  try {
    return { kind: 'commit', commit: commitIn(record, position), sequenceNumber: position.sequenceNumber }
  } catch (error) {
    return { kind: 'unreadable', ...position, error }
  }
}

const { hashKey, rangeKey } = layout.tables.history
const names = layout.items.commit.attributes

const positionOf = ({ dynamodb: { Keys, SequenceNumber = '' } = {} }: StreamRecord): Position => {
  const version = Number(Keys?.[rangeKey.name]?.N)
  return {
    stream: Keys?.[hashKey.name]?.S ?? '',
    version: Number.isSafeInteger(version) ? version : 0,
    sequenceNumber: SequenceNumber,
  }
}

const commitIn = ({ dynamodb }: StreamRecord, { stream, version }: Position): Commit => {
  const image: StreamImage = dynamodb?.NewImage ?? {}
  const hash = Buffer.from(image[names.hash]?.B ?? '', 'base64')
  const commit = commitOf({ stream, version, body: image[names.body]?.S, hash })
  if (commit.stream !== stream || commit.version !== version)
    throw new Error(`the commit of ${commit.stream}@${commit.version} lies under ${stream}@${version}`)
  partsOf(stream)
  return commit
}

/** As Lambda would be given it: bytes in base64. History holds nothing but texts, numbers and bytes. */
export const imageOf = (values: Readonly<Record<string, AttributeValue>>): StreamImage =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, valueOf(value)]))

const valueOf = ({ S, N, B }: AttributeValue): StreamValue => {
  if (S !== undefined) return { S }
  if (N !== undefined) return { N }
  return B === undefined ? {} : { B: Buffer.from(B).toString('base64') }
}
