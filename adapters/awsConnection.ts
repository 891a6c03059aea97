/** How clients of AWS's services connect: where from, how long they wait, how often they try. */
export interface ConnectOptions {
  /** Default, as for region and credentials: the SDK's own settings (`AWS_ENDPOINT_URL_EVENTBRIDGE`, profiles, roles, …). */
  endpoint?: string
  region?: string
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  /** One attempt's time to be connected. Default 2 000. */
  connectTimeoutMs?: number
  /** One attempt's time to be answered. Default 5 000. */
  requestTimeoutMs?: number
  /** Of a request that was throttled, refused by a 5xx, or lost on the way; counting the first. Default 3. */
  attemptCountMax?: number
}

/**
 * A client's configuration: connections are kept alive, 32 unless told, and it gives up in bounded time. Retries are the
 * SDK's standard ones, with jitter and a budget for all requests together; the adaptive mode would slow down every request
 * for one hot key.
 */
export const connectionOf = (
  { connectTimeoutMs = 2_000, requestTimeoutMs = 5_000, attemptCountMax = 3, ...settings }: ConnectOptions,
  socketCountMax = 32,
) => {
  const agent = { keepAlive: true, maxSockets: socketCountMax }
  return {
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
}

/** What the SDK throws tells how it was answered, and how often it has tried. */
interface ServiceError extends Error {
  $fault?: 'client' | 'server'
  $metadata?: { httpStatusCode?: number; attempts?: number }
}

const serviceErrorOf = (error: unknown): Partial<ServiceError> => (error instanceof Error ? error : {})

const passing = /throttl|too.?many|limit.?exceeded|timeout|slow.?down|skewed|expired/i

/** Whether the service has understood the request and will never take it as it is. Throttling, outages and lost answers pass. */
export const isRefusal = (error: unknown): boolean => {
  const { $fault, name = '' } = serviceErrorOf(error)
  return $fault === 'client' && !passing.test(name)
}

/** Whether a request that failed was sent more than once: an earlier one may have taken effect. */
export const wasRepeated = (error: unknown): boolean => (serviceErrorOf(error).$metadata?.attempts ?? 1) > 1

/** `name: message`; a refused connection has a code, and an empty message. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const name = 'code' in error ? String(error.code) : error.name
  return error.message === '' ? name : `${name}: ${error.message}`
}
