import type { ViewQuestion } from '../../domain/ports.ts'
import type { ExecutionBody } from '../../projections/executions.ts'
import { executionResource } from '../../projections/resources.ts'
import type { AnyCall, Call } from './call.ts'
import type { ExecutionBodies } from './executionBodies.ts'
import type { House } from './house.ts'
import { notFound } from './problems.ts'
import { type Freshness, find, list, viewBehind } from './reads.ts'
import { etag, type Reply, resource } from './replies.ts'

type Resource = NonNullable<ReturnType<typeof executionResource>>

const one = async (
  house: House,
  bodies: ExecutionBodies,
  call: Pick<AnyCall, 'tenant'> & { params: { executionId: string }; query: Freshness },
  part: (execution: Resource) => unknown,
): Promise<Reply> => {
  const { tenant, params, query } = call
  const id = params.executionId
  const found = await find(house, { view: 'executions', tenant, id }, query, () => bodies.now(tenant, id))
  if (found === 'behind') return viewBehind()
  const shown = found && executionResource(id, found.body as ExecutionBody, found.version)
  return shown === undefined ? notFound(`execution ${id}`) : resource(part(shown), 200, etag(shown.version))
}

export const getExecution = (house: House, bodies: ExecutionBodies) => (call: Call<'getExecution'>) =>
  one(house, bodies, call, (execution) => execution)

export const listTasks = (house: House, bodies: ExecutionBodies) => (call: Call<'listTasks'>) =>
  one(house, bodies, call, ({ tasks }) => ({ items: tasks }))

export const listExecutions =
  (house: House) =>
  (call: Call<'listExecutions'>): Promise<Reply> => {
    const { reservationId, status, benchId } = call.query
    const question = { view: 'executions', tenant: call.tenant, ...indexFor(call.query), descending: true }
    return list(house, question, call.query, ({ id, version, body }) => {
      const { state } = body as ExecutionBody
      if (state.status === 'absent' || (status !== undefined && state.status !== status)) return undefined
      if (reservationId !== undefined && state.reservationId !== reservationId) return undefined
      if (benchId !== undefined && !state.benchIds.includes(benchId)) return undefined
      return executionResource(id, body as ExecutionBody, version)
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
