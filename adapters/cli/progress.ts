import type { SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.ts'

/** Shorter work is done before anybody could read a bar. */
const shownAfterMs = 1_000

export interface Progress {
  /** How much of it is done, and what it is at. */
  at(done: number, total: number, what: string): void
  /** Clears the bar, prints, draws it again: lines and the bar don't mix. */
  line(print: () => void): void
  end(): void
}

/** A bar on stderr, once the work has taken a second, and only when somebody watches. */
export const startProgress = (terminal: Terminal, isWanted = true): Progress => {
  if (!terminal.isWatched || !isWanted) return { at: () => undefined, line: (print) => print(), end: () => undefined }
  let bar: SingleBar | undefined
  let [done, total, what] = [0, 1, '']
  const draw = (): void => bar?.update(done, { what })
  const timer = setTimeout(() => {
    void import('cli-progress').then(({ SingleBar }) => {
      bar = new SingleBar({ format, clearOnComplete: true, hideCursor: true, stream: process.stderr, linewrap: false })
      bar.start(total, done, { what })
    })
  }, shownAfterMs)
  return {
    at: (...now) => {
      ;[done, total, what] = now
      bar?.setTotal(total)
      draw()
    },
    line: (print) => {
      if (bar !== undefined) process.stderr.write('\r\u001b[2K')
      print()
      draw()
    },
    end: () => {
      clearTimeout(timer)
      bar?.stop()
      bar = undefined
    },
  }
}

const format = '{bar} {percentage}% {value}/{total} {what}'
