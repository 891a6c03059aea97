import { type DestinationStream, type Logger, pino } from 'pino'
import type { Settings } from './settings.ts'

/** The server's log on stdout: JSON lines for programs, plain ones for whoever sits before it. */
export const openLog = (level: Settings['logLevel'], isWatched: boolean): Logger => {
  // Written before the next thing happens: the last line of a process that dies is the one that is needed.
  const lines: DestinationStream = { write: (line) => void process.stdout.write(isWatched ? readable(line) : line) }
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, lines)
}

const names: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'error' }

const readable = (line: string): string => {
  const { level, time, msg, err, ...facts } = JSON.parse(line) as Record<string, unknown>
  const told = Object.entries(facts).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const cause = typeof err === 'object' && err !== null && 'stack' in err ? `\n${String(err.stack)}` : ''
  const head = `${String(time).slice(11, 19)} ${names[Number(level)] ?? String(level)} ${String(msg)}`
  return `${[head, ...told].join(' ')}${cause}\n`
}
