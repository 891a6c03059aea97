/** What the process answers with: part of the interface, see `benchplane --help`. */
export const exits = {
  done: 0,
  /** An execution that did not pass; also a server that could not start. */
  failed: 1,
  usage: 2,
  /** The server understood and said no. */
  refused: 3,
  /** A wait ended before what it waited for. */
  timedOut: 4,
  /** What was held or waited for was taken away: a reservation that ended, a session that was superseded. */
  lost: 5,
  unreachable: 6,
  /** History does not verify. */
  broken: 7,
} as const

export type ExitCode = (typeof exits)[keyof typeof exits]

/** Ends a command with one line on stderr, and further lines (offers, conflicts) below it. */
export interface Exit extends Error {
  exitCode: ExitCode
  details: readonly string[]
}

export const exit = (exitCode: ExitCode, message: string, details: readonly string[] = []): Exit =>
  Object.assign(new Error(message), { exitCode, details })

export const isExit = (error: unknown): error is Exit => error instanceof Error && 'exitCode' in error
