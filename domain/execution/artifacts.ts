/** What an attempt leaves: uploaded once, while it runs, and never changed. */
import { artifactCountMax } from './commands.ts'
import { artifactDiffers, tooManyArtifacts } from './rejections.ts'
import { type Answer, artifactAt, attemptOf, type Refusal, type Report, type Reporting, reported } from './reports.ts'
import type { Attempt, Execution } from './state.ts'

/** An artifact that comes, with its bytes or before them. */
interface Arriving {
  data: Omit<Report, 'isFenced'> & { path: string }
  isFenced: boolean
}

/** The attempt that takes an artifact. */
const taker = (state: Execution, { data, isFenced }: Arriving): Attempt | Refusal => {
  const attempt = reported(state, { ...data, isFenced }, 'artifact', 'started')
  if (attempt === 'done') throw new Error('an attempt that runs has been taken for one that has ended')
  if ('rejection' in attempt || artifactAt(attempt, data.path) !== undefined) return attempt
  return Object.keys(attempt.artifacts ?? {}).length < artifactCountMax ? attempt : tooManyArtifacts
}

/** The SHA-256 that the session itself has uploaded there: its retries are answered after the attempt's end too. */
const knownTo = (state: Execution, { data, isFenced }: Arriving): string | undefined => {
  const { attempt, own } = attemptOf(state, { ...data, isFenced })
  return own && attempt !== undefined ? artifactAt(attempt, data.path) : undefined
}

/** Changes nothing; what is known already may come again, since only its bytes tell whether it is the same. */
export const announceArtifact = (state: Execution, report: Reporting<'AnnounceArtifact'>): Answer => {
  if (knownTo(state, report) !== undefined) return []
  const attempt = taker(state, report)
  return 'rejection' in attempt ? attempt : []
}

/** The same bytes again change nothing. */
export const recordArtifact = (state: Execution, report: Reporting<'RecordArtifact'>): Answer => {
  const { taskName, attempt: number, path, bytes, sha256 } = report.data
  const known = knownTo(state, report)
  if (known === sha256) return []
  const attempt = taker(state, report)
  if ('rejection' in attempt) return attempt
  if (known !== undefined) return artifactDiffers(path)
  return [{ type: 'ArtifactRecorded', data: { taskName, attempt: number, path, bytes, sha256 } }]
}
