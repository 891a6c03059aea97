import { type Policy, tenantAndId } from './policy.ts'

/** When a reservation's end comes near, what runs under it is given the grace; so is what starts after that. */
export const extendGraceOfEnding: Policy = {
  name: 'extendGraceOfEnding',
  on: ['ReservationEnding', 'ExecutionStarted', 'ExecutionResumed'],
  ask: (event) => {
    const { tenant, id } = tenantAndId(event)
    return event.type === 'ReservationEnding'
      ? { ask: 'executions-of-reservation', tenant, reservationId: id }
      : undefined
  },
  then: (event, { executions }) => {
    const running = executions
      ?.filter(({ status }) => status !== 'finished' && status !== 'queued')
      .map(({ executionId }) => executionId)
    return (running ?? [tenantAndId(event).id]).map((id) => ({ kind: 'execution', id, type: 'ExtendGrace', data: {} }))
  },
}
