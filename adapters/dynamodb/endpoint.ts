import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'

/** Amazon's own. */
const amazons = /\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/

/**
 * Who names an endpoint for the tables means their streams as well, unless the SDK is told of those too. Its settings have
 * several places, so it is seen where requests go: to be asked once the client has sent some. Empty: Amazon's own.
 */
export const watchEndpoint = (client: DynamoDBClient): (() => { endpoint?: string }) => {
  let seen: string | undefined
  client.middlewareStack.add(
    (next) => async (args) => {
      const { protocol, hostname, port } = args.request as { protocol: string; hostname: string; port?: number }
      seen ??= `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
      return next(args)
    },
    { step: 'finalizeRequest', name: 'watchEndpoint' },
  )
  return () => {
    client.middlewareStack.remove('watchEndpoint')
    const isTold = process.env['AWS_ENDPOINT_URL_DYNAMODB_STREAMS'] !== undefined
    return isTold || seen === undefined || amazons.test(new URL(seen).hostname) ? {} : { endpoint: seen }
  }
}
