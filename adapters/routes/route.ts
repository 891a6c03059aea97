import { z } from 'zod'
import { messageIdPattern } from '../../domain/ids.ts'

/** What one operation takes and answers. Values are typed as they are meant: the adapters write and read them as text. */
export interface Route {
  tag: 'benches' | 'reservations' | 'executions' | 'workers' | 'messages' | 'history' | 'service'
  summary: string
  /** Path parameters, all required. */
  params?: z.ZodObject
  /** Query parameters; a list is one parameter repeated. */
  query?: z.ZodObject
  /** JSON body. Absent with `bodyless`: the body may be left out, or be `{}`. */
  body?: z.ZodType
  bodyless?: true
  /** The body is bytes of any type: not read before the operation reads them, and not bounded like JSON. */
  raw?: true
  /** The command it issues; takes Idempotency-Key and If-Match then. */
  command?: {
    kind: 'bench' | 'reservation' | 'execution' | 'worker' | 'message'
    type: string
    /** The path parameter, or the body's member, that is the id of the addressed stream. */
    id: string
    /** Path and query parameters that are members of the command's data, beside the body's. */
    also?: readonly string[]
  }
  /** Success answers: status → JSON schema, `null` for no content, or what else is sent. */
  responses: Readonly<
    Record<
      number,
      | z.ZodType
      | null
      | 'text/plain'
      | 'text/html'
      | 'text/event-stream'
      | 'application/x-ndjson'
      | 'application/octet-stream'
    >
  >
  /** Beside JSON on the same status: what a `follow` or an `Accept` asks for. */
  alternative?: 'text/event-stream'
}

/** The body of a POST that needs none. */
export const nothing = z.strictObject({})

export const limit = z.int().min(1).max(500).default(50).meta({ description: 'At most so many items' })
export const cursor = z.string().min(1).max(1_000).optional().meta({ description: '`nextCursor` of the page before' })
export const consistent = z
  .boolean()
  .default(false)
  .meta({ description: 'Everything acknowledged before this request is seen; slower' })
const minVersion = z
  .int()
  .min(1)
  .optional()
  .meta({ description: 'Waits until this version is seen: 5 s at most, then 503 view-behind' })

/** How fresh a single resource is to be. */
export const freshness = z.strictObject({ consistent, minVersion })
/** A list's own filters, with paging. */
export const listing = <Filters extends z.ZodRawShape>(filters: Filters) =>
  z.strictObject({ ...filters, consistent, limit, cursor })

export const messageId = z.string().regex(messageIdPattern, 'a message id: [A-Za-z0-9._:-]{1,128}')
/** The id of any stream. */
export const streamId = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$|^[A-Za-z0-9_-]{1,64}$/, 'the id of a stream')
export const streamKind = z.enum(['bench', 'reservation', 'execution', 'worker', 'message'])
