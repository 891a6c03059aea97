import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Command } from './commands.ts'

/** One server's way to a store: what it knows of the streams is its own. */
export interface Writer {
  /** Decides on the stream's state and appends what was decided; after a lost race again, until it is in. */
  handle(command: Command): Promise<void>
  /** As after a restart: nothing is known of any stream. */
  forget(): void
}

export interface Peer {
  name: string
  /** What it can't do: the row has no figure for it. */
  cannot?: readonly string[]
  createTables(client: DynamoDBClient): Promise<void>
  /** Its own way to connect; without one it gets the SDK's client with the same sockets. */
  connect?(endpoint: string): DynamoDBClient
  /** `client` is one of its own, and is destroyed by who has made it. */
  open(client: DynamoDBClient): Writer
}

/** A key that is a text, or a number for `name:N`. */
export const keyed = (hash: string, range: string) => {
  const [[hashName, hashType], [rangeName, rangeType]] = [typed(hash), typed(range)]
  return {
    schema: [
      { AttributeName: hashName, KeyType: 'HASH' as const },
      { AttributeName: rangeName, KeyType: 'RANGE' as const },
    ],
    attributes: [
      { AttributeName: hashName, AttributeType: hashType },
      { AttributeName: rangeName, AttributeType: rangeType },
    ],
  }
}

const typed = (name: string): [string, 'S' | 'N'] => (name.endsWith(':N') ? [name.slice(0, -2), 'N'] : [name, 'S'])

/**
 * Ours has a stream, for its views: so has each table here in which somebody keeps events. On AWS that costs the writer
 * nothing, but the local engine writes a second time for it, a quarter of a put's time.
 */
export const followed = { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } } as const
