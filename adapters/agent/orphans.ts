import { isUnreachable } from '../client/problem.ts'
import { report } from './report.ts'
import type { AttemptName, Session } from './session.ts'

/** More running executions than this has no bench. */
const executionCountMax = 100

/**
 * Attempts that the server has given to this session without its knowing: the answer to a claim was lost for good. Nobody
 * runs them, so they are reported as failed by the infrastructure, instead of holding their bench until they time out.
 * Only for a bench on which nothing runs, and for which nothing is being claimed.
 */
export const reportOrphans = async (session: Session, benchId: string): Promise<void> => {
  try {
    for (const orphan of await startedOn(session, benchId)) {
      session.settings.note('the answer to a claim was lost', { ...orphan })
      await report(session, orphan, { kind: 'fail', reason: 'the answer to its claim was lost', infrastructure: true })
    }
  } catch (error) {
    if (!session.lost.aborted && !isUnreachable(error)) throw error
  }
}

const startedOn = async ({ settings, epoch, lost }: Session, benchId: string): Promise<readonly AttemptName[]> => {
  const { client, workerId } = settings
  const found: AttemptName[] = []
  for (const status of ['running', 'cancelling'] as const) {
    const query = { benchId, status, consistent: true, limit: executionCountMax }
    const answer = await client.listExecutions({ query }, { signal: lost })
    for (const { executionId, tasks } of answer.ok ? answer.value.items : [])
      for (const { name: taskName, attempts } of tasks)
        for (const { attempt, status: is, ...by } of attempts)
          if (is === 'started' && by.workerId === workerId && by.epoch === epoch && by.benchId === benchId)
            found.push({ executionId, taskName, attempt })
  }
  return found
}
