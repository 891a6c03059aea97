import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, listOf, pairs, print, type Verb, valueOf } from './context.ts'
import { drain } from './drain.ts'
import { duration, limit, pair } from './options.ts'
import { plain } from './plain.ts'
import { facts, table } from './show.ts'
import { shownInstant } from './times.ts'
import { showWorker, type Worker } from './workerFacts.ts'

export const declare = (worker: Command, verb: Verb): void => {
  verb(
    worker
      .command('enrol <workerId>')
      .description('make it known, or change its labels; an agent does that itself')
      .option('--label <name=value>', 'for people and scripts; repeat it', pair, {}),
    async (context, workerId: string, { label }: { label: Record<string, string> }) => {
      const asked = { params: { workerId }, body: { labels: label } }
      showWorker(context, valueOf(context, await context.client.enrolWorker(asked)))
    },
  )
  verb(
    worker.command('list').description('workers by id').option('--limit <count>', 'at most so many', limit, 200),
    async (context, { limit: count }: { limit: number }) => {
      const workers = await listOf(context, count, (page) => context.client.listWorkers({ query: page }))
      print(context, workers, () => workerTable(context, workers))
    },
  )
  verb(worker.command('show <workerId>').description('one worker'), async (context, workerId: string) => {
    showWorker(context, valueOf(context, await context.client.getWorker({ params: { workerId } })))
  })
  verb(
    worker
      .command('drain <workerId>')
      .description('end its session: at once when nothing runs, else it claims nothing more and ends after what runs')
      .option('--wait', 'return when its session is closed', false)
      .option('--wait-timeout <duration>', 'give up waiting; default: 1h', duration)
      .option('--force', 'also while it runs something, which is then lost', false),
    drain,
  )
  verb(
    worker.command('freeze').description('whether nobody is declared lost now, since most workers are silent at once'),
    async (context) => showFreeze(context, valueOf(context, await context.client.getLossFreeze())),
  )
  verb(
    worker.command('unfreeze').description('workers that stay silent are lost indeed: lift the freeze'),
    async (context) => showFreeze(context, valueOf(context, await context.client.liftLossFreeze())),
  )
}

const showFreeze = (context: Context, freeze: ValueOf<'getLossFreeze'>): void =>
  print(context, freeze, () =>
    facts(context.terminal, {
      losses: freeze.frozen ? 'frozen: nobody is declared lost' : 'declared as they come',
      since: shownInstant(freeze.since, context.terminal.now()),
      until: shownInstant(freeze.until, context.terminal.now()),
      silent: `${freeze.silentCount} of ${freeze.workerCount} workers`,
    }),
  )

const workerTable = ({ terminal }: Context, workers: readonly Worker[]): string => {
  const rows = workers.map(({ workerId, session, labels, lastHeartbeatAt }) => [
    workerId,
    session === undefined ? 'none' : session.epoch,
    session?.benchIds.join(', '),
    shownInstant(lastHeartbeatAt, terminal.now()),
    plain(session?.agentVersion ?? ''),
    pairs(labels),
  ])
  return rows.length === 0
    ? 'no workers'
    : table(terminal, ['worker', 'session', 'serves', 'heard of', 'agent', 'labels'], rows)
}
