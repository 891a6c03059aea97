import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, print, type Verb, valueOf } from './context.ts'
import { startProgress } from './progress.ts'
import { table } from './show.ts'

type ViewsStatus = ValueOf<'getViews'>

/** How often a rebuild is looked at: it has no events, since it is no part of the domain. */
const lookEveryMs = 250

export const declare = (views: Command, verb: Verb): void => {
  verb(views.command('status').description('how far the read models are'), async (context) => {
    show(context, valueOf(context, await context.client.getViews()))
  })
  verb(
    views
      .command('rebuild')
      .description('build them again from history, while the present ones serve on')
      .option('--no-wait', 'return at once'),
    async (context, { wait }: { wait: boolean }) => {
      const begun = valueOf(context, await context.client.rebuildViews())
      show(context, wait ? await rebuilt(context, begun) : begun)
    },
  )
}

const rebuilt = async (context: Context, begun: ViewsStatus): Promise<ViewsStatus> => {
  const progress = startProgress(context.terminal, !context.isJson)
  let status = begun
  const total = behindIn(begun)
  while (status.rebuilding) {
    progress.at(Math.max(0, total - behindIn(status)), Math.max(1, total), 'commits')
    await sleep(lookEveryMs)
    status = valueOf(context, await context.client.getViews())
  }
  progress.end()
  return status
}

const behindIn = ({ items }: ViewsStatus): number => Math.max(0, ...items.map(({ behindCount }) => behindCount))

const show = (context: Context, status: ViewsStatus): void =>
  print(context, status, () => {
    const rows = status.items.map(({ name, rowCount, behindCount }) => [name, rowCount, behindCount])
    const drawn = table(context.terminal, ['view', 'rows', 'commits behind'], rows)
    return status.rebuilding ? `${drawn}\n\na rebuild is running` : drawn
  })
