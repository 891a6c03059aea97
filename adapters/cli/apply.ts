import type { Command } from 'commander'
import type { Answer } from '../client/transport.ts'
import { type Context, listOf, print, type Verb } from './context.ts'
import { type Difference, shownDifference } from './differences.ts'
import { type Exit, type ExitCode, exit, exits } from './exits.ts'
import type { Change, LabDifference } from './labChanges.ts'
import { plain } from './plain.ts'
import { exitOf } from './problems.ts'
import { startProgress } from './progress.ts'

const help = `
The file declares benches (benchId, type, name, capabilities, location, setup, teardown, labels, and, if it matters,
serviceability with a reason) and workers (workerId, labels). What a bench's entry leaves out is taken away from it, but for
its serviceability, which then stays. Nothing is changed that is as declared. See examples/lab.yaml.`

interface ApplyOptions {
  file: string
  dryRun: boolean
  retireMissing: boolean
}

export const declare = (apply: Command, verb: Verb): void => {
  apply
    .requiredOption('-f, --file <file>', 'the lab, as YAML or JSON; - for stdin')
    .option('--dry-run', 'only show what differs', false)
    .option('--retire-missing', 'retire the benches that the file does not name, for ever', false)
    .addHelpText('after', help)
  verb(apply, async (context, options: ApplyOptions) => {
    const difference = await differenceOf(context, options)
    if (!context.isJson) show(context, difference)
    const isEmpty = options.dryRun || difference.changes.length === 0
    const failures = isEmpty ? [] : await carryOut(context, difference.changes)
    print(context, summary(difference, options, failures), () => inWords(difference, options, failures))
    return failures[0]?.exitCode
  })
}

/** Everything that is there, in one go: a lab has hundreds of benches, not millions. */
const countMax = 100_000

const differenceOf = async (context: Context, { file, retireMissing }: ApplyOptions): Promise<LabDifference> => {
  const [{ readLab }, { labDifference }] = await Promise.all([import('./labFile.ts'), import('./labChanges.ts')])
  const lab = await readLab(file)
  const { client } = context
  const benches = await listOf(context, countMax, (page) =>
    client.listBenches({ query: { ...page, consistent: true } }),
  )
  const workers = await listOf(context, countMax, (page) =>
    client.listWorkers({ query: { ...page, consistent: true } }),
  )
  // A file that was cut off must not take the lab with it.
  if (retireMissing && lab.benches.length === 0)
    throw exit(
      exits.usage,
      `${file} names no bench: --retire-missing would retire all there are, for ever. Nothing was changed`,
    )
  const difference = labDifference(lab, { benches, workers }, { retireMissing })
  const [first, ...more] = difference.retired
  if (first === undefined) return difference
  throw exit(exits.refused, `${[first, ...more].join(', ')}: retired, which is for ever. Nothing was changed`)
}

interface Failure {
  change: Change
  exitCode: ExitCode
  exit: Exit
}

/** Each change on its own: one that is refused leaves the others. */
const carryOut = async (context: Context, changes: readonly Change[]): Promise<readonly Failure[]> => {
  const progress = startProgress(context.terminal, !context.isJson)
  const failures: Failure[] = []
  const refused = new Set<string>()
  for (const [index, change] of changes.entries()) {
    const id = idOf(change)
    progress.at(index, changes.length, id)
    // A bench that could not be registered can't go into maintenance.
    if (refused.has(id)) continue
    const answer = await make(context, change)
    if (answer.ok) continue
    refused.add(id)
    const reason = exitOf(answer.problem, context.terminal.now())
    failures.push({ change, exitCode: reason.exitCode, exit: reason })
    progress.line(() => {
      context.terminal.err(`${context.terminal.errColours.red(`${id}:`)} ${plain(reason.message)}`)
      for (const line of reason.details) context.terminal.err(line)
    })
  }
  progress.end()
  return failures
}

const idOf = (change: Change): string => (change.kind === 'enrol' ? change.workerId : change.benchId)

const make = ({ client }: Context, change: Change): Promise<Answer<unknown>> => {
  if (change.kind === 'enrol')
    return client.enrolWorker({ params: { workerId: change.workerId }, body: { labels: change.labels } })
  const params = { benchId: change.benchId }
  switch (change.kind) {
    case 'register':
      return client.registerBench({ body: change.body })
    case 'describe':
      return client.describeBench({ params, body: change.body }, { ifMatch: change.ifMatch })
    case 'retire':
      return client.retireBench({ params, body: { force: false } })
    case 'service':
      return serve(client, change)
  }
}

/** Maintenance and quarantine are left the way they were entered. */
const serve = async (
  client: Context['client'],
  change: Extract<Change, { kind: 'service' }>,
): Promise<Answer<unknown>> => {
  const { from, to, reason } = change
  const params = { benchId: change.benchId }
  if (to === 'quarantined') return client.quarantineBench({ params, body: { reason } })
  const back = from === 'quarantined' ? client.returnBenchToService : client.endMaintenance
  const returned = from === 'in-service' ? undefined : await back({ params })
  if (returned?.ok === false || to === 'in-service')
    return returned ?? { ok: true, value: undefined, headers: new Headers() }
  return client.startMaintenance({ params, body: { reason } })
}

const show = ({ terminal }: Context, { changes, missing }: LabDifference): void => {
  for (const change of changes) for (const line of linesOf(terminal, change)) terminal.out(line)
  const retired = new Set(changes.flatMap((change) => (change.kind === 'retire' ? [change.benchId] : [])))
  for (const benchId of missing.filter((id) => !retired.has(id)))
    terminal.out(terminal.colours.dim(`? bench ${benchId}: not in the file`))
}

const linesOf = (terminal: Context['terminal'], change: Change): readonly string[] => {
  const { green, yellow, red } = terminal.colours
  switch (change.kind) {
    case 'register':
      return [green(`+ bench ${change.benchId}`)]
    case 'retire':
      return [red(`- bench ${change.benchId}: retired`)]
    case 'service':
      return [yellow(`~ bench ${change.benchId}`), `    serviceability: ${change.from} → ${change.to}`]
    case 'enrol':
      return change.differences.length === 0
        ? [green(`+ worker ${change.workerId}`)]
        : [yellow(`~ worker ${change.workerId}`), ...inside(terminal, change.differences)]
    case 'describe':
      return [yellow(`~ bench ${change.benchId}`), ...inside(terminal, change.differences)]
  }
}

const inside = (terminal: Context['terminal'], differences: readonly Difference[]): readonly string[] =>
  differences.map((each) => `    ${shownDifference(terminal, each)}`)

const countsOf = ({ changes }: LabDifference, failures: readonly Failure[]): Readonly<Record<string, number>> => {
  const made = changes.filter((change) => !failures.some((failure) => idOf(failure.change) === idOf(change)))
  const count = (kinds: readonly Change['kind'][]): number => made.filter(({ kind }) => kinds.includes(kind)).length
  const changed = made.filter(({ kind }) => kind === 'describe' || kind === 'service').map(idOf)
  const registered = made.filter(({ kind }) => kind === 'register').map(idOf)
  return {
    registered: registered.length,
    changed: new Set(changed.filter((id) => !registered.includes(id))).size,
    enrolled: count(['enrol']),
    retired: count(['retire']),
  }
}

const summary = (difference: LabDifference, { dryRun }: ApplyOptions, failures: readonly Failure[]) => ({
  applied: !dryRun,
  ...countsOf(difference, failures),
  unchanged: difference.unchangedCount,
  missing: difference.missing,
  changes: difference.changes,
  failures: failures.map(({ change, exit: { message } }) => ({ id: idOf(change), kind: change.kind, message })),
})

const inWords = (
  difference: LabDifference,
  { dryRun, retireMissing }: ApplyOptions,
  failures: readonly Failure[],
): string => {
  const { registered, changed, enrolled, retired } = countsOf(difference, failures)
  const missing =
    retireMissing || difference.missing.length === 0 ? [] : [`${difference.missing.length} not in the file`]
  const parts = [
    `${registered} registered`,
    `${changed} changed`,
    `${enrolled} workers enrolled`,
    ...(retired === 0 ? [] : [`${retired} retired`]),
    `${difference.unchangedCount} unchanged`,
    ...missing,
    ...(failures.length === 0 ? [] : [`${failures.length} refused`]),
  ]
  return dryRun ? `would be: ${parts.join(', ')}. Nothing was changed` : parts.join(', ')
}
