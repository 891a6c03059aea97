import { type Policy, tenantAndId } from './policy.ts'

const because: Readonly<Record<string, string>> = {
  WorkerSessionExpired: 'its worker was lost',
  superseded: 'its worker started anew',
  forced: 'its session was closed by force',
  closed: 'its session was closed',
}

/** A session that is over leaves no attempt behind: whatever still ran under it is lost, its outcome unknown. */
export const loseAttemptsOfSession: Policy = {
  name: 'loseAttemptsOfSession',
  on: ['WorkerSessionExpired', 'WorkerSessionClosed'],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    return { ask: 'attempts-of-session', tenant, workerId: id, epoch: (event.data as { epoch: number }).epoch }
  },
  then: (event, { attempts = [] }) => {
    const { reason = event.type } = event.data as { reason?: string }
    return attempts
      .filter(({ status }) => status === 'started')
      .map(({ executionId, taskName, attempt, workerId, epoch }) => ({
        kind: 'execution',
        id: executionId,
        type: 'LoseAttempt',
        data: { taskName, attempt, workerId, epoch, reason: because[reason] ?? reason },
      }))
  },
}
