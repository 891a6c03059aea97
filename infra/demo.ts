/** All of it at work on this machine: a server, three agents, bookings, executions, a lost worker, and the history of all that. */
import { type ExitCode, exit, exits } from '../adapters/cli/exits.ts'
import type { Terminal } from '../adapters/cli/terminal.ts'
import { startAgents } from './demo/agents.ts'
import { surviveLosses } from './demo/losses.ts'
import { book, declareLab, execute, refuseAndQueue, replay } from './demo/scenes.ts'
import { openStage, type Stage } from './demo/stage.ts'

const scenes: readonly (readonly [title: string, play: (stage: Stage) => Promise<void>])[] = [
  ['A lab, declared in a file', declareLab],
  ['Three agents, each a process of its own', startAgents],
  ['Booking', book],
  ['Refused, queued, promoted', refuseAndQueue],
  ['An execution: real programs on a bench, watched', execute],
  ['A bad day: a flaky test, a killed worker, a late report', surviveLosses],
  ['What has happened, as it happened', replay],
]

/** Plays the scenes, then stays up until Ctrl-C unless `once`. Fails when a scene did not do what it says. */
export const demo = async ({ once }: { once: boolean }, terminal: Terminal): Promise<ExitCode> => {
  const startedAt = performance.now()
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'))
  })
  const stage = await openStage(terminal)
  stage.say(`A server is at ${stage.url}, its history in ${stage.directory}/data (SQLite).`)
  try {
    if ((await Promise.race([play(stage), interrupted])) === 'interrupted') return await left(stage)
    const took = `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`
    terminal.out(`\n${terminal.colours.green('All of it did what it says')}, in ${took}.`)
    if (!once) await stay(stage, interrupted)
    await stage.close('played')
    return exits.done
  } catch (error) {
    await stage.close('failed')
    throw exit(exits.failed, `${(error as Error).message} (logs are in ${stage.directory})`)
  }
}

const play = async (stage: Stage): Promise<'played'> => {
  for (const [index, [title, scene]] of scenes.entries()) {
    stage.title(`${index + 1}. ${title}`)
    await scene(stage)
  }
  return 'played'
}

const left = async (stage: Stage): Promise<ExitCode> => {
  stage.say('interrupted: closing')
  await stage.close('interrupted')
  return exits.failed
}

const stay = async (stage: Stage, interrupted: Promise<unknown>): Promise<void> => {
  stage.say(`
It stays up until Ctrl-C. Look around:
  ${stage.url}/docs               the interface, to browse and try
  ${stage.url}/metrics            numbers for Prometheus
  export BENCHPLANE_URL=${stage.url}
  npx benchplane bench list
  npx benchplane execution logs smoke
  npx benchplane events tail --all`)
  await interrupted
  stage.say('closing')
}
