import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type ConnectOptions, connectionOf } from '../awsConnection.ts'
import { underWayCountMax } from './gate.ts'

/** The engine answers in 10 ms, or something is wrong. */
const impatient = { requestTimeoutMs: 3_000, attemptCountMax: 4 }

/** Of the stores that share a client, and of the feed beside them. */
const socketCountMax = 2 * underWayCountMax

/**
 * A client of the engine, for all stores of a process; a request times out after 3 000 ms and is tried four times unless
 * `options` say otherwise. Close it with `destroy()`.
 */
export const connect = (options: ConnectOptions = {}): DynamoDBClient => {
  const client = new DynamoDBClient(connectionOf({ ...impatient, ...options }, socketCountMax))
  // It copies each request and answer without its secrets, for a logger that nobody gives it.
  client.middlewareStack.remove('loggerMiddleware')
  return client
}
