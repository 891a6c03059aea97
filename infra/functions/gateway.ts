import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { App } from '../../adapters/http/app.ts'
import { refusedHere } from '../../adapters/http/problems.ts'
import type { Reply } from '../../adapters/http/replies.ts'

/** What goes as it is; anything else goes as base64. */
const textual = /^(?:text\/|application\/(?:[\w.+-]*json|yaml|xml)\b)/

/** The app as a function behind an HTTP API (payload format 2.0). Answers come whole: streams are for servers. */
export const openGatewayHandler =
  (app: Pick<App, 'fetch'>) =>
  async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> =>
    answerOf(await app.fetch(requestOf(event)))

const requestOf = ({
  rawPath,
  rawQueryString,
  headers,
  cookies,
  body,
  isBase64Encoded,
  requestContext,
}: APIGatewayProxyEventV2): Request => {
  const { method } = requestContext.http
  const own = new Headers()
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) own.set(name, value)
  if (cookies !== undefined) own.set('cookie', cookies.join('; '))
  const query = rawQueryString === '' ? '' : `?${rawQueryString}`
  const url = `https://${own.get('host') ?? requestContext.domainName}${rawPath}${query}`
  const given = body === undefined ? null : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  return new Request(url, { method, headers: own, body: method === 'GET' || method === 'HEAD' ? null : given })
}

const answerOf = async (response: Response): Promise<APIGatewayProxyStructuredResultV2> => {
  if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) {
    await response.body?.cancel()
    return told(response, refusedHere('NoStreamsHere', 'event streams are served by servers only: list events instead'))
  }
  const { status: statusCode, headers } = response
  const isBase64Encoded = !textual.test(headers.get('content-type') ?? 'text/') || headers.has('content-encoding')
  const bytes = await wholeOf(response)
  const body = bytes?.toString(isBase64Encoded ? 'base64' : 'utf8')
  if (body === undefined || encodedBytes(body) > answerBytesMax) return told(response, tooLarge)
  const cookies = headers.getSetCookie()
  const others = [...headers].filter(([name]) => name !== 'set-cookie')
  return {
    statusCode,
    headers: Object.fromEntries(others),
    ...(cookies.length > 0 && { cookies }),
    body,
    isBase64Encoded,
  }
}

/** The service takes 6 MB, as JSON; the rest is for the headers. */
const answerBytesMax = 5_900_000
const encodedBytes = (body: string): number => Buffer.byteLength(JSON.stringify(body))

const tooLarge = refusedHere(
  'AnswerTooLarge',
  'this answer is larger than a function can give: ask for less of it, follow a redirect, or ask a server',
)

/** Undefined: it is too large, and not read further. */
const wholeOf = async ({ body }: Response): Promise<Buffer | undefined> => {
  const chunks: Uint8Array[] = []
  let size = 0
  if (body === null) return Buffer.alloc(0)
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    size += chunk.length
    if (size > answerBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A problem in place of the app's own answer, under its correlation id. */
const told = (instead: Response, { status, headers, body }: Reply): APIGatewayProxyStructuredResultV2 => {
  const correlationId = instead.headers.get('x-correlation-id')
  const known = correlationId === null ? {} : { 'x-correlation-id': correlationId }
  return { statusCode: status, headers: { ...headers, ...known }, body: body as string, isBase64Encoded: false }
}
