import { join } from 'node:path'
import { type Stage, taken, until } from './stage.ts'

/** The workers of the lab in examples/lab.yaml, each with the benches that it serves. */
const agents: Readonly<Record<string, readonly string[]>> = {
  'agent-hil': ['hil-brake-01', 'hil-brake-02', 'hil-gateway-01', 'scope-mso6-01'],
  'agent-sil': ['sil-01', 'sil-02', 'sil-gpu-01'],
  'agent-boards': ['farm-imx8-03', 'farm-imx8-04', 'farm-s32g-01'],
}
const benchCount = Object.values(agents).flat().length

export const startAgents = async (stage: Stage): Promise<void> => {
  for (const worker of Object.keys(agents)) startAgent(stage, worker)
  stage.say(`  all ${benchCount} benches were online after ${await allOnline(stage)} ms\n`)
  await stage.command(['bench', 'list', 'can-fd'])
}

/** One agent, where it was before if it has been there. */
export const startAgent = (stage: Stage, worker: string): void => {
  const benches = agents[worker] ?? []
  const args = ['agent', '--worker', worker, ...benches.flatMap((bench) => ['--bench', bench])]
  const { pid } = stage.keep(worker, [...args, '--work-dir', join(stage.directory, worker)])
  stage.say(`  ${worker} (pid ${pid}) serves ${benches.join(', ')}`)
}

/** How long it took until they were, in ms. */
export const allOnline = (stage: Stage): Promise<number> =>
  until('all benches are online', async () => {
    const { items } = taken(await stage.client.listBenches({ query: { connectivity: 'online', consistent: true } }))
    return items.length === benchCount
  })
