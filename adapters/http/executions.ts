import type { ViewQuestion, ViewRow } from '../../domain/ports.ts'
import type { ExecutionRow } from '../../projections/executions.ts'
import type { executionResource } from '../../projections/resources.ts'
import type { AnyCall, Call } from './call.ts'
import { composed } from './composed.ts'
import type { ExecutionBodies } from './executionBodies.ts'
import type { House } from './house.ts'
import { notFound } from './problems.ts'
import { type Freshness, find, list, viewBehind } from './reads.ts'
import { etag, type Reply, resource } from './replies.ts'

type Resource = ReturnType<typeof executionResource>

const one = async (
  house: House,
  bodies: ExecutionBodies,
  call: Pick<AnyCall, 'tenant'> & { params: { executionId: string }; query: Freshness },
  part: (execution: Resource) => unknown,
): Promise<Reply> => {
  const { tenant, params, query } = call
  const id = params.executionId
  const found = await find(house, { view: 'executions', tenant, id }, query, async () => {
    const body = await bodies.now(tenant, id)
    return body && { version: body.version, body }
  })
  if (found === 'behind') return viewBehind()
  if (found === undefined) return notFound(`execution ${id}`)
  const shown = 'id' in found ? await whole(house, bodies, tenant, found) : (found.body as Resource)
  return shown === undefined ? notFound(`execution ${id}`) : resource(part(shown), 200, etag(shown.version))
}

/** A row with its tasks, as the views have them together; as they are, when those don't hold still. */
const whole = async (
  house: House,
  bodies: ExecutionBodies,
  tenant: string,
  row: ViewRow,
): Promise<Resource | undefined> => (await composed(house.views, tenant, row)) ?? (await bodies.now(tenant, row.id))

export const getExecution = (house: House, bodies: ExecutionBodies) => (call: Call<'getExecution'>) =>
  one(house, bodies, call, (execution) => execution)

export const listTasks = (house: House, bodies: ExecutionBodies) => (call: Call<'listTasks'>) =>
  one(house, bodies, call, ({ tasks }) => ({ items: tasks }))

export const listExecutions =
  (house: House, bodies: ExecutionBodies) =>
  (call: Call<'listExecutions'>): Promise<Reply> => {
    const { reservationId, status, benchId } = call.query
    const isWanted = (execution: Pick<ExecutionRow, 'status' | 'reservationId' | 'benchIds'>): boolean =>
      (status === undefined || execution.status === status) &&
      (reservationId === undefined || execution.reservationId === reservationId) &&
      (benchId === undefined || execution.benchIds.includes(benchId))
    const question = { view: 'executions', tenant: call.tenant, ...indexFor(call.query), descending: true }
    return list(house, question, call.query, async (row) => {
      if (!isWanted(row.body as ExecutionRow)) return undefined
      const shown = await whole(house, bodies, call.tenant, row)
      return shown !== undefined && isWanted(shown) ? shown : undefined
    })
  }

const indexFor = ({
  reservationId,
  status,
  benchId,
}: Call<'listExecutions'>['query']): Pick<ViewQuestion, 'index' | 'partition'> => {
  if (reservationId !== undefined) return { index: 'reservation_idx', partition: reservationId }
  if (benchId !== undefined) return { index: 'bench_executions_idx', partition: benchId }
  return status === undefined
    ? { index: 'all_idx', partition: 'executions' }
    : { index: 'status_idx', partition: status }
}
