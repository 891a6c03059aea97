import { describe, expect, test } from 'vitest'
import { openViews } from '../../adapters/memory/views.ts'
import type { Commit } from '../../domain/event.ts'
import type { RowChange, ViewStore } from '../../domain/ports.ts'
import { openReading } from '../../infra/views/reading.ts'

const change = (id: string, version: number): RowChange => ({
  view: 'benches',
  tenant: 'default',
  row: { id, version, body: version },
  previousVersion: 0,
  entries: [],
})

const readingOver = () => {
  let serving: ViewStore = openViews()
  let cursor = '0'
  let isWhole = true
  const reading = openReading({
    history: { feedEnd: async () => '5' },
    rows: async () => ({ views: serving, isWhole }),
    cursor: () => cursor,
  })
  return {
    reading,
    row: (id: string, minVersion?: number) => reading.views.row('benches', 'default', id, minVersion),
    write: async (written: RowChange) => {
      await serving.write([written])
      reading.learn([written])
    },
    /** Writes without a word. */
    behind: async (written: RowChange) => {
      await serving.write([{ ...written, previousVersion: 'older' }])
    },
    reach: (to: string) => {
      cursor = to
      reading.reached(to)
    },
    /** Not all of history is in the rows any more, or it is again. */
    become: (next: { isWhole: boolean }) => {
      isWhole = next.isWhole
    },
    /** Lets other rows serve. */
    swap: (next: ViewStore) => {
      serving = next
    },
  }
}

describe('reading the views', () => {
  test('answers at once what is there, or what nobody demanded to be', async () => {
    const { row, write } = readingOver()
    await write(change('b1', 3))
    expect(await row('b1', 3)).toMatchObject({ version: 3 })
    expect(await row('b1')).toMatchObject({ version: 3 })
    expect(await row('b2')).toBeUndefined()
  })

  test('waits for the version that is demanded, each for their own', async () => {
    const { row, write } = readingOver()
    const waiting = [row('b1', 2), row('b2', 1)]
    await write(change('b2', 1))
    expect(await waiting[1]).toMatchObject({ id: 'b2', version: 1 })
    await write(change('b1', 4))
    expect(await waiting[0]).toMatchObject({ id: 'b1', version: 4 })
  })

  test('is told by the feed of rows that another process has written', async () => {
    const { reading, row, behind } = readingOver()
    const waiting = row('b1', 3)
    await behind(change('b1', 2))
    const commit = (id: string) => ({ stream: `default/bench/${id}`, version: 1 }) as Commit
    await reading.hear([commit('b1'), commit('b2')])
    await behind(change('b1', 3))
    await reading.hear([commit('b2')])
    expect(await Promise.race([waiting, Promise.resolve('waits')])).toBe('waits')
    await reading.hear([commit('b1')])
    expect(await waiting).toMatchObject({ version: 3 })
  })

  test('waits until everything appended before the call is in the views', async () => {
    const { reading, reach } = readingOver()
    const caughtUp = reading.views.caughtUp()
    reach('4')
    expect(await Promise.race([caughtUp, Promise.resolve('not yet')])).toBe('not yet')
    reach('5')
    expect(await caughtUp).toBe(true)
    expect(await reading.views.caughtUp()).toBe(true)
  })

  test('answers what is there while rows are not whole, and tells nobody that something is not', async () => {
    const { reading, row, write, become } = readingOver()
    const question = { view: 'benches', tenant: 'default', index: 'all_idx', partition: 'benches', limit: 10 }
    await write(change('b1', 3))
    become({ isWhole: false })
    expect(await row('b1')).toMatchObject({ version: 3 })
    await expect(row('b2')).rejects.toMatchObject({ code: 'storage-unusable' })
    await expect(reading.views.query(question)).rejects.toMatchObject({ code: 'storage-unusable' })
    const waiting = row('b2', 1)
    await write(change('b2', 1))
    expect(await waiting).toMatchObject({ version: 1 })
    become({ isWhole: true })
    expect([await row('b3'), (await reading.views.query(question)).rows]).toEqual([undefined, []])
  })

  test('looks again for those who wait when other rows serve, which may be ahead', async () => {
    const { reading, row, swap } = readingOver()
    const waiting = row('b1', 2)
    const next = openViews()
    await next.write([change('b1', 2)])
    swap(next)
    await reading.lookAgain()
    expect(await waiting).toMatchObject({ version: 2 })
  })

  test('keeps nobody waiting when all is over', async () => {
    const { reading, row } = readingOver()
    const waiting = [row('b1', 1), reading.views.caughtUp()]
    await Promise.resolve()
    reading.end()
    expect(await Promise.all(waiting)).toEqual(['behind', false])
  })
})
