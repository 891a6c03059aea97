import type { Work } from './runner.ts'

/** The agent's environment, without its token, and what commands of one attempt are told. */
export const environmentOf = (work: Work): NodeJS.ProcessEnv => ({
  ...inherited(),
  BENCHPLANE_BENCH_ID: work.benchId,
  BENCHPLANE_EXECUTION_ID: work.executionId,
  BENCHPLANE_TASK: work.taskName,
  BENCHPLANE_ATTEMPT: String(work.attempt),
  BENCHPLANE_PHASE: work.phase,
  BENCHPLANE_PARAMETERS: JSON.stringify(work.parameters),
  BENCHPLANE_ARTIFACTS_DIR: work.artifactsDir,
  ...(work.commitSha === undefined ? {} : { BENCHPLANE_COMMIT: work.commitSha }),
})

const inherited = (): NodeJS.ProcessEnv => {
  const { BENCHPLANE_TOKEN: _, ...rest } = process.env
  return rest
}
