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

export const createStreams = ({ heartbeatMs, stallMs, countMax, log }: StreamOptions): Streams => {
  const enders = new Set<AbortController>()
  let stallCount = 0

  const body = ({ correlationId, cut }: Client, source: Source): ReadableStream<Uint8Array> => {
    const ender = new AbortController()
    const events = source(ender.signal)
    let pending: Promise<IteratorResult<string>> | undefined
    let stalled: NodeJS.Timeout | undefined
    const end = (): void => {
      clearTimeout(stalled)
      enders.delete(ender)
      ender.abort()
    }
    enders.add(ender)
    return new ReadableStream({
      pull: async (controller) => {
        clearTimeout(stalled)
        pending ??= events.next()
        const next = await orBeat(pending, heartbeatMs)
        if (next !== beat) pending = undefined
        if (next !== beat && next.done === true) {
          end()
          controller.close()
          return
        }
        controller.enqueue(encoder.encode(next === beat ? beat : next.value))
        stalled = setTimeout(() => {
          stallCount += 1
          log.info({ correlationId, stallMs, count: stallCount }, 'a client that does not read is cut off')
          end()
          if (!cut()) controller.error(new Error(`the client has not read for ${stallMs} ms`))
        }, stallMs)
      },
      cancel: end,
    })
  }

  return {
    open: (client, source) =>
      enders.size >= countMax
        ? problem('overloaded', `${countMax} streams are open already`)
        : content(body(client, source), 'text/event-stream', {
            'cache-control': 'no-store',
            'x-accel-buffering': 'no',
          }),
    drain: () => {
      for (const ender of enders) ender.abort()
    },
  }
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
