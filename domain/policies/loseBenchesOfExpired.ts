import { type Policy, tenantAndId } from './policy.ts'

/** A session that has expired takes the benches it served with it. */
export const loseBenchesOfExpired: Policy = {
  name: 'loseBenchesOfExpired',
  on: ['WorkerSessionExpired'],
  then: (event) => {
    const { epoch, benchIds, lastSeenAt } = event.data as {
      epoch: number
      benchIds: readonly string[]
      lastSeenAt: string
    }
    const workerId = tenantAndId(event).id
    return benchIds.map((id) => ({ kind: 'bench', id, type: 'LoseBench', data: { workerId, epoch, lastSeenAt } }))
  },
}
