import { describe, expect, test } from 'vitest'
import { openLeases } from '../../adapters/memory/leases.ts'
import type { Lease } from '../../domain/ports.ts'

const lease = (workerId: string, epoch: number): Lease => ({
  tenant: 'default',
  workerId,
  epoch,
  benchIds: ['b1'],
  lastSeenAt: '2026-03-02T08:00:00.000Z',
  expiresAt: '2026-03-02T08:00:40.000Z',
  flags: [],
})

describe('leases', () => {
  test('live on for as long as they were opened for, counted from the beat', () => {
    const leases = openLeases()
    leases.open(lease('w1', 1))
    expect(leases.renew('default', 'w1', 1, '2026-03-02T08:00:30.000Z')).toMatchObject({
      lastSeenAt: '2026-03-02T08:00:30.000Z',
      expiresAt: '2026-03-02T08:01:10.000Z',
    })
    expect(leases.get('default', 'w1')?.expiresAt).toBe('2026-03-02T08:01:10.000Z')
  })

  test('of another epoch, another worker or another tenant are not renewed', () => {
    const leases = openLeases()
    leases.open(lease('w1', 2))
    const at = '2026-03-02T08:00:30.000Z'
    expect(leases.renew('default', 'w1', 1, at)).toBe('stale-epoch')
    expect(leases.renew('default', 'w1', 3, at)).toBe('stale-epoch')
    expect(leases.renew('default', 'w2', 2, at)).toBe('stale-epoch')
    expect(leases.renew('other', 'w1', 2, at)).toBe('stale-epoch')
    expect(leases.get('default', 'w1')?.lastSeenAt).toBe('2026-03-02T08:00:00.000Z')
  })

  test('of a new session take the place of the old, never the other way round', () => {
    const leases = openLeases()
    leases.open(lease('w1', 2))
    leases.open(lease('w1', 1))
    expect(leases.get('default', 'w1')?.epoch).toBe(2)
    leases.open(lease('w1', 3))
    expect(leases.get('default', 'w1')?.epoch).toBe(3)
  })

  test('end with their session, and with no other', () => {
    const leases = openLeases()
    leases.open(lease('w1', 2))
    leases.close('default', 'w1', 1)
    expect(leases.get('default', 'w1')?.epoch).toBe(2)
    leases.close('default', 'w1', 2)
    expect(leases.get('default', 'w1')).toBeUndefined()
  })

  test('are bounded: the least recently renewed are forgotten', () => {
    const leases = openLeases()
    for (let n = 0; n < 100_000; n++) leases.open(lease(`w${n}`, 1))
    leases.renew('default', 'w0', 1, '2026-03-02T08:00:30.000Z')
    leases.open(lease('one-more', 1))
    expect(leases.get('default', 'w0')).toBeDefined()
    expect(leases.get('default', 'w1')).toBeUndefined()
  })
})
