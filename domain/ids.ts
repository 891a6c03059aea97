/**
 * Names of things: tenants, streams, events. A stream is `{tenant}/{kind}/{id}`; an event's identity is its position,
 * `{kind}/{id}/{version}` within its tenant.
 */
export const streamKinds = ['bench', 'reservation', 'execution', 'worker', 'message', 'tenant'] as const
export type StreamKind = (typeof streamKinds)[number]

/** `{tenant}/{kind}/{id}`, as written in storage. */
export type StreamName = string
/** ISO-8601 UTC with milliseconds; two of them compare as strings. */
export type Instant = string

/** Ids made by people: benches, workers, tenants. */
export const slugPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/
/** All other ids: a ULID, or what the client sent. Same alphabet as message ids, without the colon and the dot. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/
export const messageIdPattern = /^[A-Za-z0-9._:-]{1,128}$/

export const streamName = (tenant: string, kind: StreamKind, id: string): StreamName => `${tenant}/${kind}/${id}`

export interface StreamParts {
  tenant: string
  kind: StreamKind
  id: string
}

/** The parts of a stream's name. Names come from `streamName`, so a malformed one is a bug and throws. */
export const partsOf = (stream: StreamName): StreamParts => {
  const first = stream.indexOf('/')
  const second = stream.indexOf('/', first + 1)
  const kind = stream.slice(first + 1, second)
  if (first < 1 || second < 0 || !isStreamKind(kind)) throw new Error(`not a stream name: ${stream}`)
  return { tenant: stream.slice(0, first), kind, id: stream.slice(second + 1) }
}

export const isStreamKind = (text: string): text is StreamKind => (streamKinds as readonly string[]).includes(text)

/** `{kind}/{id}`: how a stream is named inside its tenant, in the API and in exports. */
export const withoutTenant = (stream: StreamName): string => stream.slice(stream.indexOf('/') + 1)

export const eventId = (stream: StreamName, version: number): string => `${withoutTenant(stream)}/${version}`

export const plusMs = (instant: Instant, ms: number): Instant => new Date(Date.parse(instant) + ms).toISOString()
export const msBetween = (from: Instant, to: Instant): number => Date.parse(to) - Date.parse(from)
export const earlier = (a: Instant, b: Instant): Instant => (a < b ? a : b)
export const later = (a: Instant, b: Instant): Instant => (a > b ? a : b)
