import { type Policy, tenantAndId } from './policy.ts'

/** A reservation that has just queued may have missed what was freed while it was placed. */
export const pullForwardAskedFor: Policy = {
  name: 'pullForwardAskedFor',
  on: ['ReservationQueued'],
  then: (event) => [{ kind: 'reservation', id: tenantAndId(event).id, type: 'PullForward', data: {} }],
}
