import { describe, expect, test } from 'vitest'
import { openViews } from '../../adapters/memory/views.ts'
import type { Commit } from '../../domain/event.ts'
import { fault } from '../../domain/faults.ts'
import type { RowChange, ViewQuestion } from '../../domain/ports.ts'
import { openCandidates } from '../../infra/views/candidates.ts'
import { benches } from '../../projections/benches.ts'

const described = (benchId: string, capabilities: readonly string[], version = 1, type = 'hil'): RowChange => {
  const description = { type, capabilities, setupMs: 0, teardownMs: 0, labels: {} }
  const body = {
    status: 'registered' as const,
    benchId,
    description,
    descriptionVersion: version,
    serviceability: 'in-service' as const,
  }
  const rest = { connectivity: 'online' as const, session: null, intervals: [], occupant: null }
  const row = { id: benchId, version, body: { ...body, ...rest } }
  return {
    view: 'benches',
    tenant: 'default',
    row,
    previousVersion: version - 1,
    entries: benches.entries(benchId, row.body),
  }
}

const candidatesOver = async (...changes: readonly RowChange[]) => {
  const store = openViews()
  await store.write(changes)
  const asked: string[] = []
  let isCaughtUp = true
  let isWhole = true
  let waits = 0
  const candidates = openCandidates({
    views: async () => {
      if (!isWhole) throw fault('storage-unusable', 'not whole')
      return {
        query: (question: ViewQuestion) => {
          asked.push(`${question.index} ${question.partition}`)
          return store.query(question)
        },
      }
    },
    hasCaughtUp: () => true,
    caughtUp: async () => {
      waits++
      return isCaughtUp
    },
  })
  const ask = (query: readonly string[], type?: string, fresh = false) =>
    candidates.ask({ ask: 'candidates', tenant: 'default', query, ...(type === undefined ? {} : { type }) }, fresh)
  const write = async (change: RowChange) => {
    await store.write([change])
    candidates.learn([change])
  }
  const become = (next: { isWhole: boolean }): void => {
    isWhole = next.isWhole
  }
  return { ask, asked, write, candidates, waits: () => waits, fallBehind: () => (isCaughtUp = false), become }
}

describe('candidates', () => {
  test('are all that match, by id; the others are excluded for the first term that fails, or their type', async () => {
    const { ask } = await candidatesOver(
      described('b2', ['can-fd', 'ecu=x']),
      described('b1', ['can-fd', 'ecu=x']),
      described('b3', ['can-fd']),
      described('b4', ['ecu=y']),
      described('b5', ['can-fd', 'ecu=x'], 1, 'sil'),
    )
    expect(await ask(['can-fd', ' ecu  in (x, z)'], 'hil')).toEqual({
      benchIds: ['b1', 'b2'],
      excluded: { 'ecu in (x,z)': ['b3'], 'can-fd': ['b4'], type: ['b5'] },
    })
  })

  test('are found without a term that an index knows', async () => {
    const { ask, asked } = await candidatesOver(described('b1', ['can-fd']), described('b2', ['flaky']))
    expect((await ask(['!flaky'])).benchIds).toEqual(['b1'])
    expect((await ask(['!flaky'], 'hil')).benchIds).toEqual(['b1'])
    expect(asked.filter((question) => question !== 'all_idx benches')).toEqual(['type_idx hil'])
  })

  test('a reason may bear any name', async () => {
    const { ask } = await candidatesOver(described('b1', []))
    expect((await ask(['constructor'])).excluded).toEqual({ constructor: ['b1'] })
  })

  test('are remembered until a bench is described anew, whatever else happens to it', async () => {
    const { ask, asked, write } = await candidatesOver(described('b1', ['can-fd']))
    await ask(['can-fd'])
    const first = asked.length
    await ask(['can-fd'])
    const booked = described('b1', ['can-fd'], 2)
    await write({ ...booked, row: { ...booked.row, body: { ...(booked.row.body as object), descriptionVersion: 1 } } })
    await ask(['can-fd'])
    expect(asked).toHaveLength(first)
    await write(described('b2', ['can-fd']))
    expect((await ask(['can-fd'])).benchIds).toEqual(['b1', 'b2'])
  })

  test('wait for a description that is on its way into the view, and for nothing else', async () => {
    const { ask, candidates, write, waits } = await candidatesOver(described('b1', ['can-fd']))
    const commit = (type: string) =>
      ({ stream: 'default/bench/b2', version: 1, events: [{ type, schemaVersion: 1, data: {} }] }) as unknown as Commit
    candidates.expect([commit('BenchOnline')])
    await ask(['can-fd'])
    expect(waits()).toBe(0)
    candidates.expect([commit('BenchRegistered')])
    await ask(['can-fd'])
    expect(waits()).toBe(1)
    await write(described('b2', ['can-fd']))
    await ask(['can-fd'])
    expect(waits()).toBe(1)
  })

  test('are refused when they are to be fresh and the view does not catch up', async () => {
    const { ask, fallBehind } = await candidatesOver(described('b1', ['can-fd']))
    expect((await ask(['can-fd'], undefined, true)).benchIds).toEqual(['b1'])
    fallBehind()
    await expect(ask(['can-fd'], undefined, true)).rejects.toMatchObject({ code: 'storage-unusable' })
    expect((await ask(['can-fd'])).benchIds).toEqual(['b1'])
  })

  test('are refused while the rows are not whole, and then asked for again', async () => {
    const { ask, become } = await candidatesOver(described('b1', ['can-fd']))
    become({ isWhole: false })
    await expect(ask(['can-fd'])).rejects.toMatchObject({ code: 'storage-unusable' })
    become({ isWhole: true })
    expect((await ask(['can-fd'])).benchIds).toEqual(['b1'])
  })

  test('are bounded, and so are those who are named as excluded', async () => {
    const id = (n: number) => `b${String(n).padStart(5, '0')}`
    const all = Array.from({ length: 6_500 }, (_, n) => described(id(n), n < 1_500 ? ['good'] : ['bad']))
    const { ask } = await candidatesOver(...all)
    const { benchIds, excluded } = await ask(['good'])
    expect([benchIds.length, benchIds[0], benchIds.at(-1)]).toEqual([1_000, id(0), id(999)])
    expect(excluded['good']).toHaveLength(3_500)
  })
})
