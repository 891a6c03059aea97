import Table from 'cli-table3'
import type { Terminal } from './terminal.ts'

/** How answers are shown to people. */

export type Cell = string | number | undefined

const cellOf = (cell: Cell): string => (cell === undefined ? '' : String(cell))

/** Columns that grow with what they hold, without lines between. Cells are taken as they are: see `plain`. */
export const table = (terminal: Terminal, head: readonly string[], rows: readonly (readonly Cell[])[]): string => {
  const drawn = new Table({
    head: head.map((title) => terminal.colours.dim(title.toUpperCase())),
    chars: noLines,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  })
  drawn.push(...rows.map((row) => row.map(cellOf)))
  return drawn.toString().replaceAll(/ +$/gm, '')
}

const noLines = Object.fromEntries(
  ['middle', 'top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
    ['', '-mid', '-left', '-right'].map((end) => [`${side}${end}`, '']),
  ),
)

/** One thing: a name and a value a line; what is undefined is left out. */
export const facts = (terminal: Terminal, entries: Readonly<Record<string, Cell>>): string => {
  const given = Object.entries(entries).filter(([, value]) => value !== undefined && value !== '')
  const width = Math.max(...given.map(([name]) => name.length))
  return given.map(([name, value]) => `${terminal.colours.dim(name.padEnd(width))}  ${cellOf(value)}`).join('\n')
}

const good = new Set(['in-service', 'online', 'active', 'passed', 'released', 'complete'])
const bad = new Set(['quarantined', 'lost', 'failed', 'errored', 'timed-out', 'no-show', 'cancelled', 'retired'])
const passing = new Set([
  'maintenance',
  'suspected',
  'offline',
  'queued',
  'running',
  'cancelling',
  'occupied',
  'started',
])

/** A status in the colour of how good it is. */
export const status = ({ colours }: Terminal, word: string): string => {
  if (good.has(word)) return colours.green(word)
  if (bad.has(word)) return colours.red(word)
  return passing.has(word) ? colours.yellow(word) : word
}
