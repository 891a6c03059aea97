import { type Policy, tenantAndId } from './policy.ts'

/** Two infrastructure failures in a row on one bench take it out of service, with the two attempts as evidence. */
export const quarantineFailing: Policy = {
  name: 'quarantineFailing',
  on: ['AttemptFailed'],
  ask: (event) => {
    const { benchId, infrastructure } = event.data as { benchId: string; infrastructure: boolean }
    return infrastructure ? { ask: 'last-attempts-on-bench', tenant: tenantAndId(event).tenant, benchId } : undefined
  },
  then: (event, { attempts = [] }) => {
    const { benchId } = event.data as { benchId: string }
    const lastTwo = attempts.slice(0, 2)
    if (lastTwo.length < 2 || !lastTwo.every(({ infrastructure }) => infrastructure)) return []
    const evidence = lastTwo.map(
      ({ executionId, taskName, attempt }) => `execution/${executionId} ${taskName}/${attempt}`,
    )
    const reason = 'two infrastructure failures in a row'
    return [{ kind: 'bench', id: benchId, type: 'QuarantineBench', data: { reason, evidence } }]
  },
}
