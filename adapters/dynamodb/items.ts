import { type Commit, lastVersion } from '../../domain/event.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { LatestState, ScannedCommit } from '../../domain/ports.ts'
import { commitFromBody, type SealedCommit } from '../chain.ts'
import { scannedFrom } from '../commits.ts'

/** A commit as it is written. */
export interface NewItem {
  stream: StreamName
  version: number
  body: string
  hash: Uint8Array
  state?: string
  reducerVersion?: number
}

/** A commit as it is found: whoever holds the table may have changed anything but the key. */
export type FoundItem = Pick<NewItem, 'stream' | 'version'> & Partial<Record<keyof NewItem, unknown>>

/** The engine takes 400 KB an item; the difference is more than keys and names take. */
const textBytesMax = 390 * 1024

/** A riding state that would not fit beside its commit stays away: it is a cache. */
export const itemOf = ({ commit, body, ride }: SealedCommit): NewItem => {
  const item = { stream: commit.stream, version: commit.version, body, hash: Buffer.from(commit.hash, 'hex') }
  if (ride === undefined) return item
  const state = JSON.stringify(ride.state)
  if (Buffer.byteLength(body) + Buffer.byteLength(state) > textBytesMax) return item
  return { ...item, state, reducerVersion: ride.reducerVersion }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const hexOf = (value: unknown): string => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : '')

/** Throws the fault `storage-unusable` for what is no commit. */
export const commitOf = ({ body, hash }: FoundItem): Commit => commitFromBody(textOf(body), hexOf(hash))

/** The state that rides on a commit, if this reducer has folded it. */
export const baseOf = (item: FoundItem, reducerVersion: number): LatestState['base'] => {
  if (typeof item.state !== 'string' || item.reducerVersion !== reducerVersion) return undefined
  const commit = commitOf(item)
  return { version: lastVersion(commit), hash: commit.hash, state: JSON.parse(item.state) }
}

export const scannedOf = ({ stream, version, body, hash, state, reducerVersion }: FoundItem): ScannedCommit =>
  scannedFrom(
    { stream, version },
    {
      body: textOf(body),
      hash: hexOf(hash),
      state: typeof state === 'string' ? state : null,
      reducerVersion: typeof reducerVersion === 'number' ? reducerVersion : null,
    },
  )
