import type { Command } from 'commander'
import { declareArtifacts } from './artifacts.ts'
import { type Context, listOf, print, type Verb, valueOf } from './context.ts'
import { type ExitCode, exit, exits } from './exits.ts'
import { type Execution, followExecution } from './follow.ts'
import { declareLogs } from './logs.ts'
import { duration, given, limit } from './options.ts'
import { outcomeOf, type Task } from './outcome.ts'
import { plain } from './plain.ts'
import { facts, status, table } from './show.ts'
import { shownDuration, shownInstant } from './times.ts'
import { tellWhatItWaitsFor } from './waitsFor.ts'

interface ListOptions {
  reservation?: string
  status?: Execution['status']
  bench?: string
  limit: number
}

export const declare = (execution: Command, verb: Verb): void => {
  verb(
    execution
      .command('list')
      .description('the newest first')
      .option('--reservation <reservationId>', 'under this reservation')
      .option('--bench <benchId>', 'on this bench')
      .option('--status <status>', 'queued, running, cancelling, interrupted or finished')
      .option('--limit <count>', 'at most so many', limit, 50),
    async (context, { reservation, bench, limit: count, ...options }: ListOptions) => {
      const asked = given({ reservationId: reservation, benchId: bench, status: options.status })
      const executions = await listOf(context, count, (page) =>
        context.client.listExecutions({ query: { ...asked, ...page } }),
      )
      print(context, executions, () => executionTable(context, executions))
    },
  )
  verb(
    execution.command('show <executionId>').description('one execution and its tasks'),
    async (context, executionId: string) => {
      showExecution(context, valueOf(context, await context.client.getExecution({ params: { executionId } })))
    },
  )
  declareLogs(execution, verb)
  watching(execution, verb)
  declareArtifacts(execution, verb)
  verb(
    execution
      .command('cancel <executionId>')
      .description('stop what runs, skip what waits')
      .option('--reason <text>', 'why'),
    async (context, executionId: string, { reason }: { reason?: string }) => {
      const asked = { params: { executionId }, body: given({ reason }) }
      showExecution(context, valueOf(context, await context.client.cancelExecution(asked)))
    },
  )
  verb(
    execution.command('redrive <executionId>').description('try again what did not pass'),
    async (context, executionId: string) => {
      showExecution(context, valueOf(context, await context.client.redriveExecution({ params: { executionId } })))
    },
  )
}

const watching = (execution: Command, verb: Verb): void => {
  verb(
    execution
      .command('follow <executionId>')
      .description('watch all of it, logs and all; 0 if it passed, else 1')
      .option('--wait-timeout <duration>', 'give up watching; it goes on', duration),
    async (context, executionId: string, { waitTimeout }: { waitTimeout?: number }) => {
      const asked = { params: { executionId }, query: { consistent: true } }
      await tellWhatItWaitsFor(context, valueOf(context, await context.client.getExecution(asked)))
      const finished = await followExecution(context, executionId, waitTimeout)
      showExecution(context, finished)
      return exitOfExecution(finished)
    },
  )
}

/** Passed is done; any other end is failed. */
export const exitOfExecution = ({ status: is, verdict }: Execution): ExitCode => {
  if (is !== 'finished') throw exit(exits.failed, `the execution is ${is}`)
  return verdict === 'passed' ? exits.done : exits.failed
}

const tookOf = (from: string | undefined, to: string | undefined): string =>
  from === undefined || to === undefined ? '' : shownDuration(Date.parse(to) - Date.parse(from))

const taskRow = ({ terminal }: Context, task: Task, execution: Execution): (string | number)[] => {
  const last = task.attempts.at(-1)
  return [
    task.name,
    task.phase,
    status(terminal, task.status),
    task.attempts.length,
    last?.benchId ?? '',
    tookOf(last?.startedAt, last?.endedAt),
    outcomeOf(task, execution),
  ]
}

export const showExecution = (context: Context, execution: Execution): void =>
  print(context, execution, () => {
    const { terminal } = context
    const at = (instant: string | undefined): string => shownInstant(instant, terminal.now())
    const { verdict, parameters } = execution
    const head = facts(terminal, {
      execution: execution.executionId,
      status: status(terminal, execution.status),
      verdict: verdict === undefined ? '' : status(terminal, verdict),
      reservation: execution.reservationId,
      benches: execution.benchIds.join(', '),
      suite: plain(execution.suite ?? ''),
      commit: plain(execution.commitSha ?? ''),
      parameters: parameters === undefined ? '' : plain(JSON.stringify(parameters)),
      submitted: at(execution.submittedAt),
      started: at(execution.startedAt),
      finished: at(execution.finishedAt),
      took: tookOf(execution.startedAt, execution.finishedAt),
    })
    const titles = ['task', 'phase', 'status', 'attempts', 'bench', 'took', 'outcome']
    return `${head}\n\n${table(
      terminal,
      titles,
      execution.tasks.map((task) => taskRow(context, task, execution)),
    )}`
  })

const executionTable = ({ terminal }: Context, executions: readonly Execution[]): string => {
  const rows = executions.map(({ executionId, status: is, verdict, suite, benchIds, submittedAt, tasks }) => [
    executionId,
    status(terminal, verdict ?? is),
    plain(suite ?? ''),
    benchIds.join(', '),
    shownInstant(submittedAt, terminal.now()),
    `${tasks.filter(({ status: each }) => each === 'passed').length}/${tasks.length}`,
  ])
  return rows.length === 0
    ? 'no executions'
    : table(terminal, ['execution', 'status', 'suite', 'benches', 'submitted', 'passed'], rows)
}
