import type { Command } from 'commander'
import { type Verb, valueOf } from './context.ts'
import { exitOfExecution, showExecution } from './execution.ts'
import { followExecution } from './follow.ts'
import { duration, given, pair } from './options.ts'
import { readPlan } from './plan.ts'

interface RunOptions {
  reservation: string
  plan: string
  commit?: string
  suite?: string
  parameter?: Readonly<Record<string, string>>
  timeout?: number
  release: boolean
  callback?: string
  id?: string
  follow: boolean
  waitTimeout?: number
}

export const declare = (run: Command, verb: Verb): void => {
  run
    .requiredOption('--reservation <reservationId>', 'the reservation to run under')
    .requiredOption('--plan <file>', 'the tasks, as YAML or JSON; - for stdin')
    .option('--commit <sha>', 'the commit that is tested')
    .option('--suite <name>', 'the suite')
    .option('--parameter <name=value>', "adds to the plan's parameters, as text; repeat it", pair)
    .option('--timeout <duration>', 'for all of it', duration)
    .option('--release', 'give the reservation back afterwards', false)
    .option('--callback <url>', 'an address that is sent the event of its end, signed')
    .option('--id <executionId>', 'its id; default: a new one')
    .option('-f, --follow', 'watch it, logs and all; 0 if it passed, else 1', false)
    .option('--wait-timeout <duration>', 'give up watching; it goes on', duration)
  verb(run, async (context, { plan, reservation, ...options }: RunOptions) => {
    const { parameters, ...rest } = await readPlan(plan)
    const all = { ...parameters, ...options.parameter }
    const own = { commitSha: options.commit, suite: options.suite, timeoutMs: options.timeout, executionId: options.id }
    const body = {
      ...rest,
      ...given(own),
      ...(Object.keys(all).length === 0 ? {} : { parameters: all }),
      ...(options.callback === undefined ? {} : { callback: { url: options.callback } }),
      ...(options.release ? { releaseReservation: true } : {}),
      reservationId: reservation,
    }
    const submitted = valueOf(context, await context.client.submitExecution({ body }))
    if (!options.follow) return showExecution(context, submitted)
    const finished = await followExecution(context, submitted.executionId, options.waitTimeout)
    showExecution(context, finished)
    return exitOfExecution(finished)
  })
}
