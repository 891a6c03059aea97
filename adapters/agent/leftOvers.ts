import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AgentSettings } from './session.ts'

/** What an agent that was killed left behind: commands that still run on its benches, and directories. */

const fileName = 'running'

/** Notes in the attempt's own directory what is needed to end it in another life. */
export const leaveTrace = (home: string, trace: string): Promise<void> => writeFile(join(home, fileName), trace)

/** Called once the new session fences the old one, and before anything is claimed: two commands never share a bench. */
export const endLeftOvers = async ({ workDir, runner, note }: AgentSettings): Promise<void> => {
  const paths = await readdir(workDir, { recursive: true }).catch(() => [])
  const traces = paths.filter((path) => path.split('/').length === 3 && path.endsWith(`/${fileName}`))
  for (const path of traces) {
    const home = join(workDir, dirname(path))
    await runner.endLeftOver(await readFile(join(workDir, path), 'utf8'))
    await rm(home, { recursive: true, force: true })
    note('ended and removed what an earlier life left', { attempt: dirname(path) })
  }
}
