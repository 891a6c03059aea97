import type { SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.ts'

/** Shorter work is done before anybody could read a bar. */
const shownAfterMs = 1_000
/** After a line was printed: many lines in a row don't make the bar flicker. */
const againAfterMs = 100

export interface Progress {
  /** How much of it is done, and what it is at. */
  at(done: number, total: number, what: string): void
  /** Takes the bar away, prints, and draws it again below: lines and the bar don't mix. */
  line(print: () => void): void
  end(): void
}

/** A bar on stderr, once the work has taken a second, and only when somebody watches. */
export const startProgress = (terminal: Terminal, isWanted = true): Progress => {
  if (!terminal.isWatched || !isWanted) return { at: () => undefined, line: (print) => print(), end: () => undefined }
  let bar: SingleBar | undefined
  let isDrawn = false
  let [done, total, what] = [0, 1, '']
  const draw = (): void => {
    bar?.start(total, done, { what })
    isDrawn = bar !== undefined
  }
  let timer = setTimeout(() => {
    void import('cli-progress').then(({ SingleBar }) => {
      bar = new SingleBar(options)
      draw()
    })
  }, shownAfterMs)
  const takeAway = (): void => {
    if (isDrawn) bar?.stop()
    isDrawn = false
  }
  return {
    at: (...now) => {
      ;[done, total, what] = now
      if (!isDrawn) return
      bar?.setTotal(total)
      bar?.update(done, { what })
    },
    line: (print) => {
      takeAway()
      print()
      if (bar === undefined) return
      clearTimeout(timer)
      timer = setTimeout(draw, againAfterMs)
    },
    end: () => {
      clearTimeout(timer)
      takeAway()
      bar = undefined
    },
  }
}

/** It leaves the terminal as it is, wherever it is ended, and Ctrl-C to the program. */
const options = {
  format: '{bar} {percentage}% {value}/{total} {what}',
  clearOnComplete: true,
  gracefulExit: false,
  hideCursor: false,
  linewrap: true,
  stream: process.stderr,
}
