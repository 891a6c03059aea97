import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { connect, type StreamOptions } from './connection.ts'
import { type Problem, unreachable } from './problem.ts'
import { jitteredWaitMs, wait } from './retry.ts'
import type { Settings } from './transport.ts'

/** Answers that come while it happens: events, logs, exports. */

export type ServerMessage =
  /** A connection is there, the first or another: what happened in between follows. */
  | { kind: 'open' }
  | { kind: 'message'; id: string | undefined; event: string; data: string }
  /** The server refused: nothing more follows. */
  | { kind: 'refused'; problem: Problem }

/**
 * Server-sent events, resumed with Last-Event-ID for as long as somebody listens: a lost connection is not an end;
 * `isLast` says which message is, and ends it after that. Throws `Unreachable` when there is no connection for `retryForMs`.
 */
export async function* follow(
  settings: Settings,
  path: string,
  isLast: (message: EventSourceMessage) => boolean,
  options: StreamOptions,
): AsyncGenerator<ServerMessage, void> {
  for (let lastId: string | undefined; ; ) {
    const connection = await connect(settings, path, 'text/event-stream', { ...options, lastId })
    if ('problem' in connection) {
      yield { kind: 'refused', problem: connection.problem }
      return
    }
    try {
      yield { kind: 'open' }
      for await (const message of messagesOf(connection.texts, (id) => (lastId = id))) {
        yield { kind: 'message', id: message.id, event: message.event ?? 'message', data: message.data }
        if (isLast(message)) return
      }
    } finally {
      connection.close()
    }
    options.signal?.throwIfAborted()
    await wait(jitteredWaitMs(1), options.signal)
  }
}

/** The messages of one connection, until it ends, however it does. Ids also come alone, before the first message. */
async function* messagesOf(
  texts: AsyncGenerator<string, void>,
  onId: (id: string) => void,
): AsyncGenerator<EventSourceMessage, void> {
  const ready: EventSourceMessage[] = []
  const parser = createParser({ onId, onEvent: (message) => ready.push(message) })
  try {
    for await (const text of texts) {
      parser.feed(text)
      yield* ready.splice(0)
    }
  } catch {
    // Broken: what is missing comes with the next connection.
  }
}

/**
 * The lines of an answer as they come, without their ends; or the refusal, alone. An answer that breaks off throws
 * `Unreachable`: half an export is none.
 */
export async function* lines(
  settings: Settings,
  path: string,
  options: StreamOptions,
): AsyncGenerator<string | Problem, void> {
  const connection = await connect(settings, path, 'application/x-ndjson', options)
  if ('problem' in connection) {
    yield connection.problem
    return
  }
  let rest = ''
  try {
    for await (const text of connection.texts) {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      yield* parts
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw unreachable(settings.url, error)
  } finally {
    connection.close()
  }
  if (rest !== '') yield rest
}
