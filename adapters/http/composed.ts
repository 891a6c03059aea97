/** An execution as the views have it: its own row, and the rows of its tasks, of one and the same version. */
import type { ViewRow } from '../../domain/ports.ts'
import type { ExecutionRow } from '../../projections/executions.ts'
import { executionResource } from '../../projections/resources.ts'
import type { Views } from '../../projections/services.ts'
import type { TaskRow } from '../../projections/tasks.ts'

const pageLimit = 500
/** An execution that moves on under the reader so many times is sooner folded from history. */
const tryCountMax = 3

/**
 * Undefined when the rows don't hold still. Tasks are written before their execution's row: read after it, they are all
 * there and at least as new; one that is newer belongs to what comes next, so both are read again.
 */
export const composed = async (views: Pick<Views, 'query' | 'row'>, tenant: string, found: ViewRow) => {
  let head: ViewRow | undefined | 'behind' = found
  for (let tries = 1; tries <= tryCountMax && head !== undefined && head !== 'behind'; tries++) {
    const { id, version } = head
    const row = head.body as ExecutionRow
    const tasks = await taskRowsOf(views, tenant, id)
    if (tasks.length === row.taskCount && tasks.every((task) => task.version <= version))
      return executionResource(
        id,
        row,
        tasks.map(({ body }) => body as TaskRow),
        version,
      )
    head = await views.row('executions', tenant, id)
  }
  return undefined
}

/** In the order of the plan. */
const taskRowsOf = async (
  views: Pick<Views, 'query'>,
  tenant: string,
  executionId: string,
): Promise<readonly ViewRow[]> => {
  const question = { view: 'tasks', tenant, index: 'execution_tasks_idx', partition: executionId, limit: pageLimit }
  const { rows, nextCursor } = await views.query(question)
  const all = [...rows]
  for (let cursor = nextCursor; cursor !== undefined; ) {
    const page = await views.query({ ...question, cursor })
    all.push(...page.rows)
    cursor = page.nextCursor
  }
  return all
}
