import type { ValueOf } from '../client/operations.ts'
import type { Answer } from '../client/transport.ts'
import type { Context } from './context.ts'
import type { Execution } from './follow.ts'
import { plain } from './plain.ts'
import { shownInstant } from './times.ts'

/** Why an execution does not start: nobody should look at a terminal that says nothing and wonder. */

type Bench = ValueOf<'getBench'>

/** Once, on stderr: what stands between an execution that was submitted and its start. Nothing, if it may start at once. */
export const tellWhatItWaitsFor = async (context: Context, execution: Execution): Promise<void> => {
  if (execution.status !== 'queued') return
  const { terminal } = context
  const lines = await reasonsOf(context, execution).catch((error: unknown) => [
    `what it waits for is not known: ${(error as Error).message}`,
  ])
  const shown = lines.slice(0, lineCountMax)
  const more = lines.length > shown.length ? [`and ${lines.length - shown.length} more`] : []
  for (const line of [...shown, ...more]) terminal.err(terminal.errColours.yellow(plain(`waits: ${line}`)))
}

const lineCountMax = 10

/** Its window comes first: until then its benches are others'. */
const reasonsOf = async (context: Context, execution: Execution): Promise<readonly string[]> => {
  const { client, terminal } = context
  const { reservationId, benchIds } = execution
  const now = terminal.now()
  const query = { consistent: true }
  const reservation = valueIn(await client.getReservation({ params: { reservationId }, query }))
  const { status, start } = reservation
  if (status !== 'active' && new Date(start) > now)
    return [`reservation ${reservationId} is ${status}, it becomes active at ${shownInstant(start, now)}`]
  const own = new Set(execution.tasks.map(({ bench }) => benchIds[bench] ?? ''))
  const reasons = await Promise.all(
    benchIds.map(async (benchId) => {
      const bench = valueIn(await client.getBench({ params: { benchId }, query }))
      return [...(own.has(benchId) ? unserved(bench) : []), ...(await occupied(context, bench, execution))]
    }),
  )
  return reasons.flat()
}

const valueIn = <Value>(answer: Answer<Value>): Value => {
  if (answer.ok) return answer.value
  throw new Error(`${answer.problem.code}: ${answer.problem.detail}`)
}

const connections: Readonly<Record<Bench['connectivity'], string | undefined>> = {
  'never-connected': 'none ever did',
  online: undefined,
  suspected: 'the one that did is silent',
  lost: 'the one that did is lost',
  offline: 'the one that did has ended',
}

const unserved = ({ benchId, connectivity, serviceability }: Bench): readonly string[] => {
  const why = connections[connectivity]
  return [
    ...(serviceability === 'in-service' ? [] : [`bench ${benchId} is not in service: ${serviceability}`]),
    ...(why === undefined ? [] : [`no worker serves bench ${benchId}: ${why} (benchplane agent --help)`]),
  ]
}

const occupied = async (
  { client }: Context,
  { benchId, occupancy }: Bench,
  { executionId }: Execution,
): Promise<readonly string[]> => {
  if (occupancy !== 'occupied') return []
  // It may be this one, started meanwhile.
  const { items } = valueIn(await client.listExecutions({ query: { benchId, limit: 50 } }))
  if (items.some((one) => one.executionId === executionId && one.status !== 'queued')) return []
  const occupant = items.find(({ status }) => status !== 'queued' && status !== 'finished')
  return [`bench ${benchId} is occupied${occupant === undefined ? '' : ` by execution ${occupant.executionId}`}`]
}
