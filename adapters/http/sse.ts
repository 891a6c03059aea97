/** Server-sent events: pulled by the client's own speed, so that nothing piles up for one that does not read. */
import type { Caller } from './call.ts'
import type { House } from './house.ts'
import { problem } from './problems.ts'
import { content, type Reply } from './replies.ts'

export interface StreamOptions {
  /** A comment is sent after so long without an event, so that the connection is seen to live. Default 15 000. */
  heartbeatMs: number
  /** A client that has not taken what was sent for so long is cut off. Default 30 000. */
  stallMs: number
  /** Open streams at once; more are told to come back later. Default 1 000. */
  countMax: number
  log: House['log']
}

/** Who listens. */
type Client = Pick<Caller, 'correlationId' | 'cut'>
type Source = (ended: AbortSignal) => AsyncGenerator<string>

export interface Streams {
  /** A stream of the texts that `source` gives; `ended` aborts when nobody wants them any more. */
  open(client: Client, source: Source): Reply
  /** Ends all that are open. */
  drain(): void
}

const beat = ': still here\n\n'
const encoder = new TextEncoder()

export const createStreams = (options: StreamOptions): Streams => {
  const { countMax } = options
  const open = new Set<AbortController>()
  const counts = { stalled: 0, failed: 0 }
  return {
    open: (client, source) =>
      open.size >= countMax
        ? problem('overloaded', `${countMax} streams are open already`)
        : content(bodyOf(source, { ...options, ...client, open, counts }), 'text/event-stream', headers),
    drain: () => {
      for (const ender of open) ender.abort()
    },
  }
}

const headers = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' }

interface Streaming extends StreamOptions, Client {
  open: Set<AbortController>
  /** How often it came to that, for the log. */
  counts: { stalled: number; failed: number }
}

const bodyOf = (source: Source, streaming: Streaming): ReadableStream<Uint8Array> => {
  const { open, counts, log, correlationId, heartbeatMs, stallMs } = streaming
  const ender = new AbortController()
  const events = source(ender.signal)
  let pending: Promise<IteratorResult<string>> | undefined
  let stalled: NodeJS.Timeout | undefined

  const end = (): void => {
    clearTimeout(stalled)
    open.delete(ender)
    ender.abort()
    // What the source has opened is closed, wherever it stands. Its failure has been told where it happened.
    events.return(undefined).catch(() => {})
  }
  const cutOff = (controller: ReadableStreamDefaultController, error: unknown): void => {
    end()
    if (!streaming.cut()) controller.error(error)
  }

  open.add(ender)
  return new ReadableStream({
    pull: async (controller) => {
      clearTimeout(stalled)
      try {
        const next = await orBeat((pending ??= events.next()), heartbeatMs)
        if (next !== beat) pending = undefined
        if (!open.has(ender)) return
        if (next !== beat && next.done === true) {
          end()
          return controller.close()
        }
        controller.enqueue(encoder.encode(next === beat ? beat : next.value))
      } catch (error) {
        counts.failed += 1
        log.error({ err: error, correlationId, count: counts.failed }, 'a stream was broken off')
        return cutOff(controller, error)
      }
      stalled = setTimeout(() => {
        counts.stalled += 1
        log.info({ correlationId, stallMs, count: counts.stalled }, 'a client that does not read is cut off')
        cutOff(controller, new Error(`the client has not read for ${stallMs} ms`))
      }, stallMs)
    },
    cancel: end,
  })
}

const orBeat = async <Value>(pending: Promise<Value>, ms: number): Promise<Value | typeof beat> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<typeof beat>((resolve) => {
    timer = setTimeout(() => resolve(beat), ms)
  })
  try {
    return await Promise.race([pending, late])
  } finally {
    clearTimeout(timer)
  }
}

/** One event: `id` is where the client goes on after it. Data is JSON, so it has no line breaks of its own. */
export const sseEvent = (data: unknown, { id, event }: { id?: string; event?: string } = {}): string =>
  `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`

/** What a client that reconnects is to begin with, and after how long, without an event. */
export const sseStart = (id?: string): string => `retry: 2000\n${id === undefined ? '' : `id: ${id}\n`}\n`
