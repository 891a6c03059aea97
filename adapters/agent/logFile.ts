import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'

/** What the agent itself has to say in an attempt's log, between the lines of its commands. */

/** A line of its own, marked as the agent's. */
export const logLine = (logPath: string, text: string): void => {
  // What ran before may have removed it.
  mkdirSync(dirname(logPath), { recursive: true })
  const before = endOf(logPath, 1)
  const glue = before === '' || before === '\n' ? '' : '\n'
  appendFileSync(logPath, `${glue}[benchplane] ${text.replaceAll(/\s*\n\s*/g, ' ⏎ ').slice(0, lineLengthMax)}\n`)
}

const lineLengthMax = 2_000
const tailBytesMax = 2_000

/** Its last 2 000 bytes, for people. */
export const tailOf = (logPath: string): string => endOf(logPath, tailBytesMax)

const endOf = (path: string, bytesMax: number): string => {
  const file = openSync(path, 'a+')
  try {
    const { size } = fstatSync(file)
    const buffer = Buffer.alloc(Math.min(size, bytesMax))
    readSync(file, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8')
  } finally {
    closeSync(file)
  }
}
