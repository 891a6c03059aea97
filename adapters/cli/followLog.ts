import type { Client } from '../client/client.ts'
import type { StreamOptions } from '../client/connection.ts'
import type { InputOf } from '../client/operations.ts'
import type { Problem } from '../client/problem.ts'

/** A piece of one attempt's log, at its offset in bytes. */
export interface Piece {
  taskName: string
  attempt: number
  offset: number
  text: string
}

/** Logs as they grow, until what is followed is over; answers the refusal, if it is one. What came before is not told again. */
export const followLog = async (
  client: Client,
  asked: InputOf<'readLog'>,
  onPiece: (piece: Piece) => void,
  options: StreamOptions = {},
): Promise<Problem | undefined> => {
  const ends = new Map<string, number>()
  for await (const message of client.followLog(asked, options)) {
    if (message.kind === 'refused') return message.problem
    if (message.kind === 'open' || message.event === 'end') continue
    const piece = JSON.parse(message.data) as Piece
    const name = `${piece.taskName}/${piece.attempt}`
    // Several logs at once begin anew with each connection.
    const bytes = Buffer.from(piece.text).subarray(Math.max(0, (ends.get(name) ?? 0) - piece.offset))
    if (bytes.length > 0) onPiece({ ...piece, text: bytes.toString() })
    ends.set(name, Math.max(ends.get(name) ?? 0, piece.offset + Buffer.byteLength(piece.text)))
  }
  return undefined
}

/** Text in pieces, given on line by line. */
export const byLine = (onLine: (line: string) => void): { add: (text: string) => void; end: () => void } => {
  let rest = ''
  return {
    add: (text) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      for (const line of parts) onLine(line)
    },
    end: () => {
      if (rest !== '') onLine(rest)
      rest = ''
    },
  }
}
