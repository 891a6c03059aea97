import { z } from 'zod'
import { instant } from '../../domain/fields.ts'
import { Event, Feed, Message, page, StateAsOf, Verification } from './resources.ts'
import { cursor, limit, messageId, type Route, streamId, streamKind } from './route.ts'

const version = z.int().min(1)
const streamParams = z.strictObject({ kind: streamKind, id: streamId })
const messageParams = z.strictObject({ messageId })
const eventType = z.string().regex(/^[A-Za-z]{1,64}$/, 'the type of an event, such as BenchRegistered')
const tag = 'history'

export const historyRoutes = {
  acceptMessage: {
    tag: 'messages',
    summary: 'Accept a message once: any JSON of at most 204 800 bytes in canonical form',
    params: messageParams,
    body: z.unknown().refine((content) => content !== undefined, 'a JSON value'),
    command: { kind: 'message', type: 'AcceptMessage', id: 'messageId' },
    responses: { 201: Message, 200: Message },
  },
  getMessage: { tag: 'messages', summary: 'One message', params: messageParams, responses: { 200: Message } },
  listHistory: {
    tag,
    summary: 'The events of one stream; versions inclusive',
    params: streamParams,
    query: z.strictObject({ from: version.optional(), to: version.optional(), limit, cursor }),
    responses: { 200: page(Event) },
  },
  getStateAsOf: {
    tag,
    summary: 'The state of one stream as of a version or an instant; without either, as it is',
    params: streamParams,
    query: z.strictObject({ version: version.optional(), at: instant.optional() }),
    responses: { 200: StateAsOf },
  },
  getEvent: {
    tag,
    summary: 'One event by its id',
    params: streamParams.extend({ version }),
    responses: { 200: Event },
  },
  listEvents: {
    tag,
    summary: 'The feed of all events, from after a cursor on',
    query: z.strictObject({
      after: z.string().max(1_000).optional().meta({ description: '`nextCursor` of the page before' }),
      kind: streamKind.optional(),
      type: eventType.optional(),
      limit,
    }),
    responses: { 200: Feed },
  },
  followEvents: {
    tag,
    summary: 'The feed as it grows: CloudEvents 1.0 as server-sent events; `Last-Event-ID` resumes',
    query: z.strictObject({
      after: z
        .string()
        .max(1_000)
        .optional()
        .meta({ description: 'As Last-Event-ID; default: what comes from now on' }),
      kind: streamKind.optional(),
      type: eventType.optional(),
    }),
    responses: { 200: 'text/event-stream' },
  },
  verifyHistory: {
    tag,
    summary: 'Verify the hash chains, of one stream or of all',
    query: z.strictObject({
      stream: z
        .string()
        .regex(/^(?:bench|reservation|execution|worker|message)\/[A-Za-z0-9._:-]{1,128}$/, '{kind}/{id}')
        .optional(),
    }),
    responses: { 200: Verification },
  },
  exportHistory: {
    tag,
    summary: 'The commits of a time, one JSON a line; `[from, to)`',
    query: z.strictObject({ from: instant.optional(), to: instant.optional() }),
    responses: { 200: 'application/x-ndjson' },
  },
} as const satisfies Record<string, Route>
