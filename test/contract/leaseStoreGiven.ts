import type { Beat, Lease } from '../../domain/leaseStore.ts'

export const at = (second: number): string => new Date(Date.UTC(2026, 2, 2, 8, 0, second)).toISOString()

export const leaseOf = (workerId: string, epoch: number, more: Partial<Lease> = {}): Lease => ({
  tenant: 'default',
  workerId,
  epoch,
  benchIds: ['b1'],
  lastSeenAt: at(0),
  expiresAt: at(40),
  attempts: [],
  attemptsBefore: [],
  flags: [],
  ...more,
})

export const flash = { executionId: 'e1', taskName: 'flash', attempt: 1 }
export const measure = { executionId: 'e1', taskName: 'measure', attempt: 1 }

export const beat = (second: number, more: Partial<Beat> = {}): Beat => ({
  tenant: 'default',
  workerId: 'w1',
  epoch: 1,
  seenAt: at(second),
  at: at(second),
  expiresAt: at(second + 40),
  attempts: [],
  ...more,
})
