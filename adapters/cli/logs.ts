import type { Command } from 'commander'
import type { InputOf } from '../client/operations.ts'
import { type Context, print, type Verb, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import type { Execution } from './follow.ts'
import { followLog, type Piece } from './followLog.ts'
import { given, wholeNumber } from './options.ts'
import { type Task, whyNotStarted } from './outcome.ts'
import { plain } from './plain.ts'
import { exitOf } from './problems.ts'
import { tellWhatItWaitsFor } from './waitsFor.ts'

interface LogOptions {
  follow: boolean
  task?: string
  attempt?: number
}

export const declareLogs = (execution: Command, verb: Verb): void =>
  verb(
    execution
      .command('logs <executionId> [task]')
      .description('what a task said, or all of them')
      .option('-f, --follow', 'and what it goes on to say, until it ends', false)
      .option('--task <name>', 'the same as naming it')
      .option('--attempt <number>', 'of this attempt; default: the newest', wholeNumber(1, 1_000)),
    async (context, executionId: string, named: string | undefined, { follow, task, attempt }: LogOptions) => {
      if (named !== undefined && task !== undefined && named !== task)
        throw exit(exits.usage, `name one task: ${named} or ${task}`)
      const taskName = named ?? task
      const asked = { params: { executionId }, query: given({ taskName, attempt }) }
      if (follow) await followed(context, asked)
      else printLog(context, valueOf(context, await context.client.readLog(asked)))
      tellTheRest(context, await executionOf(context, executionId), taskName, attempt)
    },
  )

const executionOf = async (context: Context, executionId: string): Promise<Execution> =>
  valueOf(context, await context.client.getExecution({ params: { executionId }, query: { consistent: true } }))

const followed = async (context: Context, asked: InputOf<'readLog'>): Promise<void> => {
  await tellWhatItWaitsFor(context, await executionOf(context, asked.params.executionId))
  const print = printer(context, asked.query?.taskName === undefined)
  const problem = await followLog(context.client, asked, print, { retryForMs })
  if (problem !== undefined) throw exitOf(problem, context.terminal.now())
}

/** A server that restarts meanwhile is waited for. */
const retryForMs = 60_000

/** As it comes; where several tasks talk, each time with the name of who does. */
const printer = ({ terminal, isJson }: Context, isNamed: boolean): ((piece: Piece) => void) => {
  let speaker = ''
  return (piece) => {
    const name = `${piece.taskName}, attempt ${piece.attempt}`
    if (isJson) terminal.out(JSON.stringify(piece))
    else {
      if (isNamed && name !== speaker) terminal.out(terminal.colours.dim(`==> ${name}`))
      terminal.write(piece.text)
    }
    speaker = name
  }
}

const printLog = (context: Context, text: string | undefined): void => {
  if (context.isJson) print(context, { text: text ?? '' }, () => '')
  else context.terminal.write(text ?? '')
}

const lineCountMax = 10

/** On stderr: what a log doesn't say, or why there is none. */
const tellTheRest = ({ terminal }: Context, { tasks }: Execution, taskName?: string, attempt?: number): void => {
  const lines = tasks
    .filter(({ name }) => taskName === undefined || name === taskName)
    .flatMap((task) => untold(task, tasks, attempt).map((line) => plain(`${task.name}: ${line}`)))
  for (const line of lines.slice(0, lineCountMax)) terminal.err(terminal.errColours.dim(line))
  if (lines.length > lineCountMax) terminal.err(terminal.errColours.dim(`and ${lines.length - lineCountMax} more`))
}

const untold = (task: Task, tasks: readonly Task[], attempt?: number): readonly string[] => {
  const shown = attempt === undefined ? task.attempts.at(-1) : task.attempts.find((one) => one.attempt === attempt)
  if (shown !== undefined) return shown.reason === undefined ? [] : [`${shown.status}: ${shown.reason}`]
  if (task.attempts.length > 0) return []
  const why = whyNotStarted(task, tasks)
  const state = task.status === 'skipped' ? 'was skipped' : 'has not started'
  return [`${state}${why === '' ? '' : `: ${why}`}`]
}
