import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { addReports, countTests, noTests, type Report } from './junit.ts'

/** What an attempt leaves in its artifacts directory. */

export interface Artifact {
  /** Within the artifacts directory, with slashes. */
  path: string
  file: string
  bytes: number
}

export interface Found {
  /** In the order of their paths. */
  artifacts: readonly Artifact[]
  /** Why others are left out, for people. */
  skipped: readonly string[]
}

/** What the server takes of one attempt. */
export const artifactCountMax = 1_000
const pathLengthMax = 512
const partPattern = /^(?!\.{1,2}$)[A-Za-z0-9._ -]+$/
/** Directories and files that are looked at. */
const entryCountMax = 10_000
const skippedToldMax = 20

/** Regular files only: links may lead anywhere. */
export const findArtifacts = async (directory: string): Promise<Found> => {
  const artifacts: Artifact[] = []
  const skipped: string[] = []
  let entryCount = 0
  const walk = async (within: string): Promise<void> => {
    for await (const entry of await opendir(join(directory, within))) {
      if (++entryCount > entryCountMax) return
      const path = within === '' ? entry.name : `${within}/${entry.name}`
      const fault = faultOf(path, entry)
      if (fault !== undefined) skipped.push(`${JSON.stringify(path.slice(0, 200))}: ${fault}`)
      else if (entry.isDirectory()) await walk(path)
      else artifacts.push({ path, file: join(directory, path), bytes: (await stat(join(directory, path))).size })
    }
  }
  await walk('').catch((error: unknown) => {
    // The command may have removed it, or taken away our right to look.
    skipped.push(`what could not be read: ${(error as Error).message}`)
  })
  artifacts.sort((a, b) => (a.path < b.path ? -1 : 1))
  if (entryCount > entryCountMax) skipped.push(`what comes after ${entryCountMax} entries`)
  const left = artifacts.splice(artifactCountMax)
  if (left.length > 0)
    skipped.push(`${left.length} files from ${left[0]?.path} on: an attempt has at most ${artifactCountMax}`)
  return { artifacts, skipped: shortened(skipped) }
}

const faultOf = (
  path: string,
  entry: { name: string; isFile(): boolean; isDirectory(): boolean },
): string | undefined => {
  if (!entry.isFile() && !entry.isDirectory()) return 'neither a file nor a directory'
  if (!partPattern.test(entry.name)) return 'a name has letters, digits, dots, dashes, underscores and blanks'
  return path.length > pathLengthMax ? `a path has at most ${pathLengthMax} characters` : undefined
}

const shortened = (all: readonly string[]): readonly string[] =>
  all.length <= skippedToldMax ? all : [...all.slice(0, skippedToldMax), `and ${all.length - skippedToldMax} more`]

/** Files larger, or more of them, are not counted. */
const reportBytesMax = 16 * 1024 * 1024
const reportCountMax = 200

/** The JUnit reports among the artifacts, added up; undefined without one. `notes`: what could not be counted, and why. */
export const testsIn = async (
  artifacts: readonly Artifact[],
): Promise<{ report: Report | undefined; notes: readonly string[] }> => {
  const notes: string[] = []
  let report: Report | undefined
  let count = 0
  for (const { path, file, bytes } of artifacts.filter(({ path: name }) => /\.xml$/i.test(name))) {
    if (bytes > reportBytesMax) notes.push(`${path} is not counted: ${bytes} bytes, at most ${reportBytesMax}`)
    else if (count >= reportCountMax) notes.push(`${path} is not counted: at most ${reportCountMax} reports are`)
    else {
      const counted = await countTests(file)
      if (counted.kind === 'malformed')
        notes.push(`${path} is not counted: it is no well-formed XML: ${counted.reason}`)
      if (counted.kind !== 'report') continue
      count += 1
      report = addReports(report ?? { tests: noTests, failing: [] }, counted.report)
    }
  }
  return { report, notes: shortened(notes) }
}
