import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from './directory.ts'

/** Where a set of rows lies. While one serves, the next is built beside it. */
export const viewsFile = (directory: string, generation: number): string => join(directory, `views-${generation}.db`)

/** Those that have a file, the newest first; the directory is created when missing. */
export const generationsIn = (directory: string): readonly number[] => {
  makeDirectory(directory)
  return readdirSync(directory)
    .flatMap((name) => /^views-([1-9][0-9]{0,8})\.db$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
}

/** Deletes a set of rows that nobody has open. */
export const discardGeneration = (directory: string, generation: number): void => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(viewsFile(directory, generation) + suffix, { force: true })
}
