import { open } from 'node:fs/promises'
import type { Problem } from '../client/problem.ts'
import type { Answer } from '../client/transport.ts'
import { type Artifact, findArtifacts, testsIn } from './artifacts.ts'
import { logLine } from './logFile.ts'
import { insist } from './report.ts'
import type { Work } from './runner.ts'
import { type AttemptName, nameOf, type Session } from './session.ts'
import type { Delivered } from './verdict.ts'

const parallelCount = 4

/**
 * Uploads what an attempt has left, through outages, as long as somebody wants it; counts the JUnit reports in it. What is
 * left out is told in the log.
 */
export const deliver = async (
  session: Session,
  of: AttemptName,
  { artifactsDir, logPath }: Work,
  isNotWanted: AbortSignal,
): Promise<Delivered> => {
  const { artifacts, skipped } = await findArtifacts(artifactsDir)
  const { report: reports, notes } = await testsIn(artifacts)
  for (const line of [...notes, ...skipped.map((each) => `not uploaded: ${each}`)]) logLine(logPath, line)
  const uploaded = artifacts.length === 0 ? [] : await uploadAll(session, of, artifacts, logPath, isNotWanted)
  return { artifacts: uploaded, reports }
}

const uploadAll = async (
  session: Session,
  of: AttemptName,
  artifacts: readonly Artifact[],
  logPath: string,
  isNotWanted: AbortSignal,
): Promise<readonly string[]> => {
  const { note } = session.settings
  const bytes = artifacts.reduce((sum, each) => sum + each.bytes, 0)
  note('uploading artifacts', { ...nameOf(of), count: artifacts.length, bytes })
  const over = new AbortController()
  const signal = AbortSignal.any([isNotWanted, over.signal])
  const queue = [...artifacts]
  const uploaded: string[] = []
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && !signal.aborted; next = queue.shift()) {
      const refusal = await upload(session, of, next, signal)
      if (refusal === undefined) uploaded.push(next.path)
      else if (refusal !== 'not-wanted') logLine(logPath, `not uploaded: ${next.path}: ${refusal}`)
      else over.abort()
    }
  }
  await Promise.all(Array.from({ length: parallelCount }, lane))
  const told = `${uploaded.length} of ${artifacts.length} artifacts uploaded`
  logLine(logPath, told)
  note(told, nameOf(of))
  return uploaded.sort()
}

/** Undefined once the server has it; else why not. */
const upload = async (
  session: Session,
  of: AttemptName,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<string | undefined> => {
  const answer = await insist(session, (until) => sendArtifact(session, of, artifact, until), signal)
  if (answer === undefined) return 'not-wanted'
  if ('value' in answer) return undefined
  const { code, detail } = answer.problem
  return code === 'stale-attempt' ? 'not-wanted' : `${code}: ${detail}`
}

/** One try. What the disk has against it is an answer too, since it would be the same again. */
const sendArtifact = async (
  { settings: { client, workerId }, epoch }: Session,
  of: AttemptName,
  { path, file: name, bytes }: Artifact,
  signal: AbortSignal,
): Promise<Answer<unknown>> => {
  const opened = await open(name).catch((error: unknown) => unreadable((error as Error).message))
  if ('ok' in opened) return opened
  await using file = opened
  if ((await file.stat()).size < bytes) return unreadable('it became shorter while it was to be uploaded')
  const source = { bytes, open: () => file.createReadStream({ start: 0, end: bytes - 1, autoClose: false }) }
  const params = { ...nameOf(of), path }
  return await client.uploadArtifact({ params, query: { epoch, workerId }, source }, { signal, retryForMs: 0 })
}

const unreadable = (detail: string): { ok: false; problem: Problem } => ({
  ok: false,
  problem: { type: 'about:blank', title: 'Unreadable', status: 0, code: 'unreadable', detail },
})
