import type { Command } from 'commander'
import type { InputOf } from '../client/operations.ts'
import type { Context, Verb } from './context.ts'
import { exitOfExecution, showExecution } from './execution.ts'
import { type ExitCode, exit, exits } from './exits.ts'
import { type NameOf, nameFrom } from './faults.ts'
import { followExecution } from './follow.ts'
import { duration, given, pair } from './options.ts'
import { type PlanFile, readPlan } from './plan.ts'
import { type Body, completed, dryRun, faulty, otherFaults } from './planCheck.ts'
import { exitOf } from './problems.ts'
import { tellWhatItWaitsFor } from './waitsFor.ts'

interface RunOptions {
  reservation?: string
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
  dryRun: boolean
}

const help = `
A plan, as small as it gets:
  tasks:
    - name: smoke
      run: { command: ./smoke.sh }
docs/plan.md has all that it may say, examples/plan.yaml is a longer one. With --dry-run it is checked without a server,
unless --reservation is given too.`

export const declare = (run: Command, verb: Verb): void => {
  run
    .option('--reservation <reservationId>', 'the reservation to run under')
    .requiredOption('--plan <file>', 'the tasks, as YAML or JSON; - for stdin')
    .option('--commit <sha>', 'the commit that is tested')
    .option('--suite <name>', 'the suite')
    .option('--parameter <name=value>', "adds to the plan's parameters, as text; repeat it", pair)
    .option('--timeout <duration>', 'for all of it', duration)
    .option('--release', 'give the reservation back afterwards', false)
    .option('--callback <url>', 'an address that is sent the event of its end, signed')
    .option('--id <executionId>', 'its id; default: a new one')
    .option('--dry-run', 'only check the plan, and show the order of its tasks', false)
    .option('-f, --follow', 'watch it, logs and all; 0 if it passed, else 1', false)
    .option('--wait-timeout <duration>', 'give up watching; it goes on', duration)
    .addHelpText('after', help)
  verb(run, async (context, options: RunOptions) => {
    if (options.reservation === undefined && !options.dryRun)
      throw exit(exits.usage, "required option '--reservation <reservationId>' not specified")
    const file = await readPlan(options.plan)
    const body = bodyOf(file, options)
    const nameOf = namesOf(context, file)
    if (file.faults.length > 0) throw faulty(options.plan, [...file.faults, ...(await otherFaults(body))], nameOf)
    if (options.dryRun) return dryRun(context, options.plan, body, nameOf)
    return submit(context, body, nameOf, options)
  })
}

const submit = async (context: Context, body: Body, nameOf: NameOf, options: RunOptions): Promise<ExitCode | void> => {
  // Whether it is one is the server's to judge.
  const answer = await context.client.submitExecution({ body: body as Submission })
  if (!answer.ok) throw exitOf(await completed(context, answer.problem, body), context.terminal.now(), nameOf)
  await tellWhatItWaitsFor(context, answer.value)
  if (!options.follow) return showExecution(context, answer.value)
  const finished = await followExecution(context, answer.value.executionId, options.waitTimeout)
  showExecution(context, finished)
  return exitOfExecution(finished)
}

type Submission = InputOf<'submitExecution'>['body']

const bodyOf = ({ plan: { parameters, ...rest } }: PlanFile, options: RunOptions): Body => {
  const { commit, suite, timeout, id, callback, reservation } = options
  const all = { ...parameters, ...options.parameter }
  return {
    ...rest,
    ...given({ commitSha: commit, suite, timeoutMs: timeout, executionId: id, reservationId: reservation }),
    ...(Object.keys(all).length === 0 ? {} : { parameters: all }),
    ...(callback === undefined ? {} : { callback: { url: callback } }),
    ...(options.release ? { releaseReservation: true } : {}),
  }
}

/** By the option, where one was given, else as the file has it. */
const namesOf = ({ options }: Context, { names }: PlanFile): NameOf => {
  const optionOf = nameFrom(options)
  return (path) => {
    const option = optionOf(path)
    return option === path ? (names.get(path) ?? path) : option
  }
}
