import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Commit } from '../../../domain/event.ts'
import { fault } from '../../../domain/faults.ts'
import type { EventStore } from '../../../domain/ports.ts'
import type { StreamRecord } from '../../../projections/handler.ts'
import { allDone, failedAt, folded, opened, outage, told } from './projecting.ts'
import { numbered, recordOf, recordsOf, unreadable } from './records.ts'
import { nameOf, rowsIn } from './streamed.ts'

describe('a batch of records', () => {
  test('becomes rows and one page, however duplicated, disordered and cut the records are', async () => {
    const { history, commits } = await told()
    const expected = await folded(history)
    const delivery = fc.array(fc.nat(commits.length - 1), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(delivery, fc.integer({ min: 1, max: 12 }), async (picks, batchSize) => {
        const { views, fed, handle, box } = opened(history)
        const order = [
          ...picks,
          ...fc.sample(fc.shuffledSubarray([...commits.keys()], { minLength: commits.length }), 1)[0]!,
        ]
        const records = recordsOf(order.map((pick) => commits[pick]!))
        for (let at = 0; at < records.length; at += batchSize)
          expect(await handle({ Records: records.slice(at, at + batchSize) })).toEqual(allDone)
        expect(await rowsIn(views)).toEqual(expected)
        expect(new Set(fed)).toEqual(new Set(commits.map(nameOf)))
        expect(box.letters).toEqual([])
      }),
      { numRuns: 40 },
    )
  })

  test('names a commit once in its page, though two records tell of it', async () => {
    const { history, commits } = await told(1)
    const { fed, handle } = opened(history)
    await handle({ Records: recordsOf([...commits, ...commits]) })
    expect(fed).toEqual(commits.map(nameOf))
  })

  test('that is empty asks for nothing', async () => {
    const { history } = await told(0)
    const { handle } = opened(history, { views: () => Promise.reject(outage()) })
    expect(await handle({ Records: [] })).toEqual(allDone)
  })
})

describe('a record that is no insert', () => {
  test.each(['MODIFY', 'REMOVE', undefined] as const)('(%s) is counted and never projected', async (eventName) => {
    const { history, commits } = await told(1)
    const { views, counters, fed, box, handle } = opened(history)
    const records = recordsOf(commits)
    const forged = recordOf({ ...commits[0]!, stream: 't/bench/forged' }, 99)
    const { eventName: _, ...nameless } = forged
    const changed: StreamRecord = eventName === undefined ? nameless : { ...forged, eventName }
    expect(await handle({ Records: [changed, ...records] })).toEqual(allDone)
    expect(counters.tamperedRecords).toBe(1)
    expect(await views.read('benches', 't', ['forged'])).toEqual([])
    expect(fed).toEqual(commits.map(nameOf))
    expect(box.letters).toEqual([])
  })
})

describe('a record that cannot be read', () => {
  test('is put aside by its position, and the others pass', async () => {
    const { history, commits } = await told(2)
    const { box, fed, handle, counters } = opened(history)
    const poison = unreadable({ stream: 't/bench/torn', version: 3 }, 50)
    const [first, ...rest] = recordsOf(commits)
    expect(await handle({ Records: [first!, poison, ...rest] })).toEqual(allDone)
    expect(box.letters).toMatchObject([
      { consumer: 'project', stream: 't/bench/torn', version: 3, sequenceNumber: numbered(50) },
    ])
    expect(fed).toEqual(commits.map(nameOf))
    expect(counters.deadRecords).toBe(1)
  })

  test.each([
    [
      'lies under another stream',
      (commit: Commit) => ({ pk: { S: 't/bench/other' }, sk: { N: String(commit.version) } }),
    ],
    ['lies under another version', (commit: Commit) => ({ pk: { S: commit.stream }, sk: { N: '7' } })],
    ['has no key at all', () => ({})],
  ])('since it %s is put aside', async (_, keysOf) => {
    const { history, commits } = await told(1)
    const { box, fed, handle, views } = opened(history)
    const record = recordOf(commits[0]!)
    expect(
      await handle({ Records: [{ ...record, dynamodb: { ...record.dynamodb, Keys: keysOf(commits[0]!) } }] }),
    ).toEqual(allDone)
    expect(box.letters).toHaveLength(1)
    expect(fed).toEqual([])
    expect((await rowsIn(views)).size).toBe(0)
  })

  test('comes again when it cannot be put aside, and so do those after it', async () => {
    const { history, commits } = await told(1)
    const keep = () => Promise.reject(outage())
    const { handle, counters } = opened(history, { letters: { keep } })
    const records = recordsOf(commits)
    const poison = unreadable({ stream: 't/bench/torn', version: 1 }, 50)
    expect(await handle({ Records: [records[0]!, poison, ...records.slice(1)] })).toEqual(failedAt(50))
    expect(counters.consumerOutages).toBe(1)
    expect(counters.deadRecords).toBe(0)
  })
})

describe('a stream that cannot be folded', () => {
  test('since an event is of a later version is put aside and named, its rows stay', async () => {
    const { history, commits } = await told(1)
    const { box, fed, handle, views } = opened(history)
    const [registered, ...rest] = commits as [Commit, ...Commit[]]
    const later = { ...registered, events: registered.events.map((event) => ({ ...event, schemaVersion: 999 })) }
    const own = rest.filter(({ stream }) => stream !== registered.stream)
    expect(await handle({ Records: recordsOf([later, ...own]) })).toEqual(allDone)
    expect(box.letters).toMatchObject([{ stream: registered.stream, correlationId: registered.correlationId }])
    expect(fed).toEqual([later, ...own].map(nameOf))
    expect(await views.read('benches', 't', ['b0'])).toEqual([])
    expect((await views.read('reservations', 't', ['r0'])).length).toBe(1)
  })

  test('since history has a commit that is damaged is told from an outage', async () => {
    const { history, commits } = await told(1)
    const damaged: EventStore = {
      ...history,
      load: () => Promise.reject(fault('storage-unusable', 'a stored commit that is not JSON')),
      async *scan(stream) {
        for await (const page of history.scan(stream))
          yield page.map(({ commit, ...rest }) =>
            commit?.version === 1 ? rest : { ...rest, ...(commit && { commit }) },
          )
      },
    }
    const { box, handle } = opened(damaged)
    const gap = commits.filter(({ version }) => version > 1)
    expect(await handle({ Records: recordsOf(gap) })).toEqual(allDone)
    expect(new Set(box.letters.map(({ stream }) => stream))).toEqual(new Set(gap.map(({ stream }) => stream)))
    expect(box.letters[0]?.error).toContain('version 1 cannot be read')
  })
})
