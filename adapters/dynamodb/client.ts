import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { underWayCountMax } from './gate.ts'

export interface ConnectOptions {
  /** Default, as for region and credentials: the SDK's own settings (`AWS_ENDPOINT_URL_DYNAMODB`, profiles, roles, …). */
  endpoint?: string
  region?: string
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** One attempt's time to be connected. Default 2 000: a busy process counts late. */
  connectTimeoutMs?: number
  /** One attempt's time to be answered. Default 3 000: the engine answers in 10 ms, or something is wrong. */
  requestTimeoutMs?: number
  /** Of a request that was throttled, refused by a 5xx, or lost on the way; counting the first. Default 4. */
  attemptCountMax?: number
}

/** Of the stores that share a client, and of the feed beside them. */
const socketCountMax = 2 * underWayCountMax

/**
 * A client of the engine, for all stores of a process: keeps its connections alive, and gives up in bounded time. Retries
 * are the SDK's standard ones, with jitter and a budget for all requests together; the adaptive mode would slow down every
 * request for one hot key. Close it with `destroy()`.
 */
export const connect = ({
  connectTimeoutMs = 2_000,
  requestTimeoutMs = 3_000,
  attemptCountMax = 4,
  ...settings
}: ConnectOptions = {}): DynamoDBClient => {
  const agent = { keepAlive: true, maxSockets: socketCountMax }
  const config: DynamoDBClientConfig = {
    ...settings,
    retryMode: 'standard',
    maxAttempts: attemptCountMax,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Without this the SDK only warns, and waits on.
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  }
  return new DynamoDBClient(config)
}
