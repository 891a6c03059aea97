/** What several servers share: tables in DynamoDB, and what is told of their history. Loaded only for that. */
import { randomUUID } from 'node:crypto'
import { reasonOf } from '../../adapters/awsConnection.ts'
import { connect } from '../../adapters/dynamodb/client.ts'
import { watchEndpoint } from '../../adapters/dynamodb/endpoint.ts'
import { openFeed } from '../../adapters/dynamodb/feed.ts'
import { openGenerations } from '../../adapters/dynamodb/generations.ts'
import { openHistory } from '../../adapters/dynamodb/history.ts'
import { lastingGeneration } from '../../adapters/dynamodb/layout.ts'
import { openLeaseClockRow } from '../../adapters/dynamodb/leaseClock.ts'
import { openLeases } from '../../adapters/dynamodb/leases.ts'
import { connectStreams } from '../../adapters/dynamodb/streams.ts'
import { createTables } from '../../adapters/dynamodb/tables.ts'
import { openViews } from '../../adapters/dynamodb/views.ts'
import { fault, isFault } from '../../domain/faults.ts'
import { openLetterRows } from '../consumers/letterRows.ts'
import { noLog } from '../log.ts'
import type { HouseOptions } from '../parts.ts'

export interface SharedOptions
  extends Pick<HouseOptions, 'tablePrefix' | 'createTables' | 'connection' | 'pollEveryMs' | 'disorder' | 'log'> {
  /** The leases are used too. Default true: functions that do without have no right to look at them. */
  usesLeases?: boolean
}

/** Opens the tables, and proves that they can be read. Throws the fault `storage-unusable`, in words for who starts a server. */
export const openSharedStores = async (options: SharedOptions) => {
  const { tablePrefix, connection = {}, pollEveryMs, disorder, log = noLog, usesLeases = true } = options
  const client = connect(connection)
  const endpointSeen = watchEndpoint(client)
  const place = { client, ...(tablePrefix === undefined ? {} : { tablePrefix }) }
  // Who follows the feed looks by itself, and counts what it cannot read.
  const onOutage = (error: unknown): void =>
    log.warn({ count: 1, err: error }, 'the end of the feed cannot be looked at, and is looked at again')
  const feed = openFeed({ ...place, onOutage, ...(pollEveryMs === undefined ? {} : { pollEveryMs }) })
  const history = openHistory({ ...place, feed, ...(disorder === undefined ? {} : { disorder }) })
  const leases = openLeases(place)
  const clockRow = openLeaseClockRow(place)
  const generations = openGenerations(place)
  const lastingRows = openViews({ ...place, generation: lastingGeneration })
  const streamLetters = openLetterRows(lastingRows)
  let streams: ReturnType<typeof connectStreams> | undefined
  const close = async (): Promise<void> => {
    feed.close()
    await Promise.all([history.close(), generations.close(), lastingRows.close()])
    client.destroy()
    streams?.destroy()
  }
  try {
    if (options.createTables === true)
      for (const table of await createTables(client, tablePrefix)) log.info({ table }, 'a table was made, and is empty')
    await Promise.all([history.feedEnd(), history.load(probed), usesLeases ? clockRow.read() : undefined])
    streams = connectStreams({ ...endpointSeen(), ...connection })
  } catch (error) {
    await close()
    throw unusable(error)
  }
  return {
    streamLetters,
    tablePrefix,
    feed,
    history,
    leases,
    clockRow,
    generations,
    lastingRows,
    streams,
    serverId: randomUUID(),
    close,
  }
}
export type SharedStores = Awaited<ReturnType<typeof openSharedStores>>

/** No stream: that it can be asked for proves that the table can be read. */
export const probed = 'default/bench/-'

/** What keeps a server from its tables, each with what to do about it. */
const unusable = (error: unknown): unknown => {
  const cause = isFault(error, 'storage-unusable') && error.cause !== undefined ? error.cause : error
  if (!(cause instanceof Error)) return error
  const told = remedies.find(([pattern]) => pattern.test(`${cause.name}: ${cause.message}`))?.[1]
  if (told !== undefined) return fault('storage-unusable', told, cause)
  if (cause.name !== 'ResourceNotFoundException') return fault('storage-unusable', notReached(error), cause)
  const table = isFault(error, 'storage-unusable') ? /the table (\S+)/.exec(error.message)?.[1] : undefined
  const missing = table === undefined ? 'the tables are' : `the table ${table} is`
  return fault('storage-unusable', `${missing} not there: run with --create-tables, or deploy`, cause)
}

const notReached = (error: unknown): string => `DynamoDB: ${error instanceof Error ? error.message : reasonOf(error)}`

const remedies: readonly (readonly [RegExp, string])[] = [
  [/region is missing/i, 'no AWS region is set: AWS_REGION, or a profile that names one'],
  [/^CredentialsProviderError/, 'no AWS credentials are found: AWS_ACCESS_KEY_ID and its secret, a profile or a role'],
  [
    /^(?:UnrecognizedClientException|InvalidSignatureException|ExpiredTokenException|InvalidClientTokenId)/,
    'the AWS credentials are not taken: they are wrong, or have expired',
  ],
]
