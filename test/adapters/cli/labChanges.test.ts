import { expect, test } from 'vitest'
import { labDifference } from '../../../adapters/cli/labChanges.ts'
import type { DeclaredBench } from '../../../adapters/cli/labFile.ts'

const declared = (more: Partial<DeclaredBench> = {}): DeclaredBench => ({
  benchId: 'b1',
  type: 'hil',
  capabilities: ['can-fd', 'ecu=1'],
  setup: 0,
  teardown: 0,
  labels: { owner: 'ada' },
  ...more,
})
const bench = (more: object = {}) => ({
  benchId: 'b1',
  type: 'hil',
  capabilities: ['ecu=1', 'can-fd'],
  labels: { owner: 'ada' },
  setupMs: 0,
  teardownMs: 0,
  serviceability: 'in-service' as const,
  connectivity: 'online' as const,
  occupancy: 'free' as const,
  descriptionVersion: 3,
  version: 9,
  ...more,
})
const difference = (benches: DeclaredBench[], there: ReturnType<typeof bench>[], retireMissing = false) =>
  labDifference({ benches, workers: [] }, { benches: there, workers: [] }, { retireMissing })

test('what is as declared is left alone, whatever the order of its capabilities', () => {
  expect(difference([declared()], [bench()])).toMatchObject({ changes: [], unchangedCount: 1, missing: [] })
})

test('only what differs is changed, on the description that was read', () => {
  const { changes } = difference(
    [declared({ location: 'B2', capabilities: ['can-fd'], setup: 5_000 })],
    [bench({ name: 'old' })],
  )
  expect(changes).toEqual([
    {
      kind: 'describe',
      benchId: 'b1',
      ifMatch: 3,
      body: { name: null, location: 'B2', capabilities: ['can-fd'], setupMs: 5_000 },
      differences: expect.arrayContaining([
        { path: 'name', before: 'old', after: null },
        { path: 'capabilities.ecu=1', before: true },
        { path: 'setupMs', before: 0, after: 5_000 },
      ]),
    },
  ])
})

test('what is not there is registered, and then taken out of service if that is declared', () => {
  const { changes } = difference([declared({ serviceability: 'maintenance', reason: 'new' })], [])
  expect(changes).toMatchObject([
    { kind: 'register', body: { benchId: 'b1', capabilities: ['can-fd', 'ecu=1'], labels: { owner: 'ada' } } },
    { kind: 'service', from: 'in-service', to: 'maintenance', reason: 'new' },
  ])
})

test.each([
  [undefined, 'quarantined', []],
  ['in-service', 'quarantined', [{ kind: 'service', from: 'quarantined', to: 'in-service' }]],
  ['maintenance', 'maintenance', []],
] as const)('declared %s, being %s', (serviceability, is, expected) => {
  const wanted = declared(serviceability === undefined ? {} : { serviceability, reason: 'x' })
  expect(difference([wanted], [bench({ serviceability: is })]).changes).toMatchObject([...expected])
})

test('what the file does not name is told, and retired only when asked for', () => {
  const others = [bench({ benchId: 'b2' }), bench({ benchId: 'b3', serviceability: 'retired' })]
  expect(difference([], others)).toMatchObject({ changes: [], missing: ['b2'] })
  expect(difference([], others, true).changes).toEqual([{ kind: 'retire', benchId: 'b2' }])
})

test('what is retired can not be declared any more', () => {
  expect(difference([declared()], [bench({ serviceability: 'retired' })])).toMatchObject({
    changes: [],
    retired: ['b1'],
  })
})
