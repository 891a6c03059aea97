import { plain } from './plain.ts'
import type { Terminal } from './terminal.ts'

/** One place where two JSON values differ; a side is absent where there is nothing. */
export interface Difference {
  /** `tasks.0.status`; empty for the whole. */
  path: string
  before?: unknown
  after?: unknown
}

const isBranch = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Where two JSON values differ, as deep as they go; a list is compared place by place. */
export const differencesOf = (before: unknown, after: unknown, path = ''): readonly Difference[] => {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...names].flatMap((name) =>
      differencesOf(before[name], after[name], path === '' ? name : `${path}.${name}`),
    )
  }
  if (before === after) return []
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
}

/** `  status: confirmed → active`, `+ …` for what came, `- …` for what went. */
export const shownDifference = ({ colours }: Terminal, { path, before, after }: Difference): string => {
  const label = path === '' ? '' : `${path}: `
  if (before === undefined) return colours.green(`+ ${label}${shown(after)}`)
  if (after === undefined) return colours.red(`- ${label}${shown(before)}`)
  return `  ${label}${colours.red(shown(before))} → ${colours.green(shown(after))}`
}

const shown = (value: unknown): string => plain(typeof value === 'string' ? value : JSON.stringify(value))
