import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { Outcome } from '../../domain/handle.ts'
import type { DueRow } from '../../domain/ports.ts'
import { startClock } from '../../infra/clock.ts'
import { openCounters } from '../../infra/counters.ts'
import { openLines, openTime, until } from './house.ts'

const nothing: Outcome = { kind: 'done', created: false, replayed: false, commits: [], head: {} as never }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A clock over rows that the test keeps; what a Tick does to them is up to the test. */
const clockOver = (rows: DueRow[], onTick: (row: DueRow) => Outcome | Promise<Outcome> = () => nothing) => {
  const time = openTime('2026-03-02T08:00:00.000Z')
  const ticks: string[] = []
  const looks: (string | undefined)[] = []
  const counters = openCounters()
  const { lines, log } = openLines()
  const ready = Promise.withResolvers<boolean>()
  const clock = startClock({
    due: async (before, limit) => {
      looks.push(before)
      const found = rows.filter(({ nextDue }) => before === undefined || nextDue <= before)
      return found.toSorted((a, b) => (a.nextDue < b.nextDue ? -1 : 1)).slice(0, limit)
    },
    tick: async (row) => {
      ticks.push(row.id)
      return onTick(row)
    },
    now: time.now,
    log,
    counters,
    ready: ready.promise,
  })
  stops.push(async () => {
    ready.resolve(false)
    await clock.stop()
  })
  return { time, ticks, looks, counters, lines, clock, begin: () => ready.resolve(true) }
}

const row = (id: string, nextDue: string, version = 1): DueRow => ({
  view: 'reservations',
  tenant: 'default',
  id,
  version,
  nextDue,
})
const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 8, minute)).toISOString()
/** What is due changes by its Tick, as rows do once the views have seen it. */
const removing = (rows: DueRow[]) => (ticked: DueRow) => {
  rows.splice(
    rows.findIndex(({ id }) => id === ticked.id),
    1,
  )
  return nothing
}

describe('the clock', () => {
  test('sends nothing before the views can be trusted', async () => {
    const rows = [row('a', at(-1))]
    const { ticks, clock, begin, looks } = clockOver(rows, (ticked) => removing(rows)(ticked))
    clock.wake()
    expect(looks).toEqual([])
    begin()
    await until(() => ticks.length === 1)
  })

  test('ticks what is overdue, the earliest first, however many there are', async () => {
    const rows = Array.from({ length: 600 }, (_, n) => row(`r${n}`, at(n % 2 === 0 ? n - 900 : -n - 1)))
    const order = rows.toSorted((a, b) => (a.nextDue < b.nextDue ? -1 : 1)).map(({ id }) => id)
    const { ticks, begin } = clockOver(rows, removing(rows))
    begin()
    await until(() => ticks.length === 600)
    expect(ticks).toEqual(order)
  })

  test('waits for what is to come, and goes by the injected time', async () => {
    const rows = [row('soon', at(5)), row('later', at(10))]
    const { ticks, time, clock, begin, looks } = clockOver(rows, removing(rows))
    begin()
    await until(() => looks.length >= 2)
    time.pass(5)
    clock.wake()
    await until(() => ticks.length === 1)
    time.pass(5)
    clock.wake()
    await until(() => ticks.length === 2)
    expect(ticks).toEqual(['soon', 'later'])
  })

  test('is woken by a row that is due earlier than what it sleeps for, and by no other', async () => {
    const rows = [row('later', at(10))]
    const { ticks, time, clock, begin, looks } = clockOver(rows, removing(rows))
    begin()
    await until(() => looks.includes(undefined))
    const looked = looks.length
    clock.arm(at(20))
    await nextTurn()
    expect(looks.length).toBe(looked)
    time.pass(1)
    rows.push(row('now', at(1)))
    clock.arm(at(1))
    await until(() => ticks.includes('now'))
  })

  test('leaves a row alone whose Tick has changed nothing, until it changes or a while has passed, which grows', async () => {
    const rows = [row('blocked', at(-1))]
    const { ticks, time, clock, begin, looks } = clockOver(rows)
    begin()
    const looksAgain = async () => {
      const looked = looks.length
      clock.wake()
      await until(() => looks.length >= looked + 2)
    }
    await until(() => looks.length >= 3)
    for (let n = 0; n < 5; n++) await looksAgain()
    expect(ticks).toHaveLength(1)
    time.pass(1 / 60)
    await looksAgain()
    expect(ticks).toHaveLength(2)
    time.pass(1 / 60)
    await looksAgain()
    expect(ticks).toHaveLength(2)
    time.pass(1 / 60)
    await looksAgain()
    expect(ticks).toHaveLength(3)
    rows[0] = row('blocked', at(-1), 2)
    clock.arm(at(-1))
    await until(() => ticks.length === 4)
  })

  test('many that are blocked do not hide one that is not', async () => {
    const rows = Array.from({ length: 700 }, (_, n) => row(`blocked${n}`, at(-60)))
    const { ticks, clock, begin } = clockOver(rows, (ticked) =>
      ticked.id === 'free' ? removing(rows)(ticked) : nothing,
    )
    begin()
    await until(() => ticks.length === 700)
    rows.push(row('free', at(-1)))
    clock.arm(at(-1))
    await until(() => ticks.includes('free'))
  })

  test('a Tick that fails is logged, counted and sent again', async () => {
    const rows = [row('a', at(-1))]
    let isFirst = true
    const { ticks, time, clock, begin, counters, lines } = clockOver(rows, (ticked) => {
      if (!isFirst) return removing(rows)(ticked)
      isFirst = false
      throw new Error('the store is gone')
    })
    begin()
    await until(() => counters.tickFailures === 1)
    time.pass(1)
    clock.wake()
    await until(() => rows.length === 0)
    expect(ticks).toEqual(['a', 'a'])
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { id: 'a', count: 1, err: { message: 'the store is gone' } },
    ])
  })
})
