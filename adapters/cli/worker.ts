import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, listOf, pairs, print, type Verb, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { limit, pair } from './options.ts'
import { plain } from './plain.ts'
import { facts, table } from './show.ts'
import { shownInstant } from './times.ts'

type Worker = ValueOf<'getWorker'>

export const declare = (worker: Command, verb: Verb): void => {
  verb(
    worker
      .command('enrol <workerId>')
      .description('make it known, or change its labels; an agent does that itself')
      .option('--label <name=value>', 'for people and scripts; repeat it', pair, {}),
    async (context, workerId: string, { label }: { label: Record<string, string> }) => {
      const asked = { params: { workerId }, body: { labels: label } }
      show(context, valueOf(context, await context.client.enrolWorker(asked)))
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
    show(context, valueOf(context, await context.client.getWorker({ params: { workerId } })))
  })
  verb(
    worker
      .command('drain <workerId>')
      .description('close its session: it ends, and its benches go offline')
      .option('--force', 'also while it runs something, which is then lost', false),
    async (context, workerId: string, { force }: { force: boolean }) => {
      const found = valueOf(
        context,
        await context.client.getWorker({ params: { workerId }, query: { consistent: true } }),
      )
      if (found.session === undefined) throw exit(exits.refused, `worker ${plain(workerId)} has no session`)
      const asked = { params: { workerId, epoch: found.session.epoch }, query: { force } }
      show(context, valueOf(context, await context.client.closeSession(asked)))
    },
  )
}

const show = (context: Context, worker: Worker): void =>
  print(context, worker, () =>
    facts(context.terminal, {
      worker: worker.workerId,
      session: worker.session === undefined ? 'none' : worker.session.epoch,
      since: shownInstant(worker.session?.openedAt, context.terminal.now()),
      serves: worker.session?.benchIds.join(', '),
      agent: plain(worker.session?.agentVersion ?? ''),
      labels: pairs(worker.labels),
      version: worker.version,
    }),
  )

const workerTable = ({ terminal }: Context, workers: readonly Worker[]): string => {
  const rows = workers.map(({ workerId, session, labels }) => [
    workerId,
    session === undefined ? 'none' : session.epoch,
    session?.benchIds.join(', '),
    plain(session?.agentVersion ?? ''),
    pairs(labels),
  ])
  return rows.length === 0 ? 'no workers' : table(terminal, ['worker', 'session', 'serves', 'agent', 'labels'], rows)
}
