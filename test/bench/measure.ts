import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** One line of the table: what was measured, what it was to be, and what came out. */
export interface Row {
  what: string
  target: string
  measured: string
  /** Whether the target was met; undefined for a figure that others are compared with. */
  met?: boolean
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Nearest rank: the value that so many per cent of the others do not exceed. */
export const percentile = (values: readonly number[], percent: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil((values.length * percent) / 100) - 1)] ??
  Number.NaN

/** Runs `count` calls, `width` at a time; calls per second. */
export const perSecond = async (
  count: number,
  width: number,
  call: (n: number) => Promise<unknown>,
): Promise<number> => {
  let next = 0
  const start = performance.now()
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await call(next++)
    }),
  )
  return (count / (performance.now() - start)) * 1_000
}

export const inTemporaryDirectory = async <Result>(work: (directory: string) => Promise<Result>): Promise<Result> => {
  const directory = mkdtempSync(join(tmpdir(), 'benchplane-bench-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/**
 * A part of the benchmark in a process of its own, so that no part warms or burdens another. Prints its rows as JSON on its
 * last line; `said` is what it printed before.
 */
export const runPart = async (part: string): Promise<{ rows: readonly Row[]; said: string }> => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', part], {
    maxBuffer: 64 * 1024 * 1024,
  })
  const lines = stdout.trimEnd().split('\n')
  try {
    return { rows: JSON.parse(lines.pop() ?? '') as readonly Row[], said: lines.join('\n') }
  } catch (error) {
    throw new Error(`${part} printed no rows:\n${stdout}\n${stderr}`, { cause: error })
  }
}

export const printRows = (rows: readonly Row[]): void => {
  process.stdout.write(`${JSON.stringify(rows)}\n`)
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en')
