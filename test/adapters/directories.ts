import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

/** Gives tests directories of their own and closes what they opened there: all is gone after each test. */
export const temporaryDirectories = () => {
  const directories: string[] = []
  const opened: Array<{ close(): Promise<void> | void }> = []
  afterEach(async () => {
    for (const each of opened.splice(0).toReversed()) await each.close()
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
  })
  return {
    fresh: (): string => {
      const directory = mkdtempSync(join(tmpdir(), 'benchplane-test-'))
      directories.push(directory)
      return directory
    },
    closing: <Closable extends { close(): Promise<void> | void }>(closable: Closable): Closable => {
      opened.push(closable)
      return closable
    },
  }
}
