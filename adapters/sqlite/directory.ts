import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes the directory and what is missing above it. Node's own recursive mkdir never returns where the file system says
 * ENOENT to making a directory in one that is there (as /proc does), so the way up is ours.
 */
export const makeDirectory = (directory: string): void => {
  if (existsSync(directory)) return
  if (!existsSync(dirname(directory))) makeDirectory(dirname(directory))
  mkdirSync(directory)
}
