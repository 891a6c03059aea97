import type { WriteStream } from 'node:tty'
import { createColors } from 'picocolors'

type Colours = ReturnType<typeof createColors>

/** Where a command is spoken to and heard: the process's own streams, or a test's. */
export interface Terminal {
  /** One line of what was asked for: stdout. */
  out: (line: string) => void
  /** As it comes, without a line's end. */
  write: (text: string) => void
  /** One line about it: stderr. */
  err: (line: string) => void
  /** Somebody looks at stderr: progress may be drawn there. */
  isWatched: boolean
  /** For stdout; they do nothing unless it is a terminal (or FORCE_COLOR is set) and NO_COLOR is not set. */
  colours: Colours
  errColours: Colours
  environment: Readonly<Record<string, string | undefined>>
  now: () => Date
}

const hasColours = (stream: Partial<WriteStream>, environment: Terminal['environment']): boolean =>
  (stream.isTTY === true || (environment['FORCE_COLOR'] ?? '') !== '') &&
  (environment['NO_COLOR'] ?? '') === '' &&
  environment['TERM'] !== 'dumb'

/** The process's own. A reader of stdout that has gone (`| head`) ends the process, quietly. */
export const processTerminal = (): Terminal => {
  const { stdout, stderr, env } = process
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
  return {
    out: (line) => void stdout.write(`${line}\n`),
    write: (text) => void stdout.write(text),
    err: (line) => void stderr.write(`${line}\n`),
    isWatched: stderr.isTTY === true,
    colours: createColors(hasColours(stdout, env)),
    errColours: createColors(hasColours(stderr, env)),
    environment: env,
    now: () => new Date(),
  }
}
