import { existsSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { endLeftOverCommand } from './command.ts'
import type { AgentSettings } from './settings.ts'

/** What an agent that was killed left behind: commands that still run on its benches, and directories. */

/** Says that a directory is an attempt's, and may be removed. */
const markName = 'benchplane-attempt'
/** Who knows how to end it: the runner, or the agent itself. */
const traceNames = { run: 'benchplane-run', hook: 'benchplane-hook' }

export const markHome = (home: string): void => writeFileSync(join(home, markName), '')

/** Notes in the attempt's own directory what is needed to end it in another life. At once: the next step may be our last. */
export const leaveTrace = (home: string, by: keyof typeof traceNames, trace: string): void =>
  writeFileSync(join(home, traceNames[by]), trace)

/** Called once the new session fences the old one, and before anything is claimed: two commands never share a bench. */
export const endLeftOvers = async (settings: AgentSettings): Promise<void> => {
  const { workDir, note } = settings
  for (const executionId of await directoriesIn(workDir)) {
    for (const attempt of await directoriesIn(join(workDir, executionId))) {
      const home = join(workDir, executionId, attempt)
      if (!existsSync(join(home, markName))) continue
      await endLeftOver(settings, home)
      if (!existsSync(home))
        note('ended and removed what an earlier life left', { attempt: `${executionId}/${attempt}` })
    }
    // Unless there is something else in it.
    await rmdir(join(workDir, executionId)).catch(() => undefined)
  }
}

const endLeftOver = async ({ runner, alarm }: AgentSettings, home: string): Promise<void> => {
  const [run, hook] = await Promise.all(
    Object.values(traceNames).map((name) => readFile(join(home, name), 'utf8').catch(() => undefined)),
  )
  try {
    if (run !== undefined) await runner.endLeftOver?.(run)
    if (hook !== undefined) await endLeftOverCommand(hook)
  } catch (error) {
    alarm('what an earlier life left may still run', { home, reason: String(error) })
  }
  // A command may have left what is not ours to remove: that is no reason not to serve.
  await rm(home, { recursive: true, force: true }).catch((error: unknown) =>
    alarm('a directory of an earlier life stays', { home, reason: String(error) }),
  )
}

const directoriesIn = async (directory: string): Promise<readonly string[]> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}
