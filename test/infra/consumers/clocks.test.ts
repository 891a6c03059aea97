import { describe, expect, test } from 'vitest'
import { openHistory } from '../../../adapters/memory/history.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import type { Arm } from '../../../adapters/stepfunctions/clock.ts'
import { plusMs } from '../../../domain/ids.ts'
import { openArming } from '../../../infra/consumers/arming.ts'
import { openProjectConsumer } from '../../../infra/consumers/project.ts'
import { sweepOverdue } from '../../../infra/consumers/sweep.ts'
import { openTick } from '../../../infra/consumers/tick.ts'
import { openCounters } from '../../../infra/counters.ts'
import { openHeadCache } from '../../../infra/headCache.ts'
import { noLog } from '../../../infra/log.ts'
import { openWriting } from '../../../infra/services.ts'
import { troubled, writePath } from '../../writePath.ts'
import { recordsOf } from './records.ts'
import { openLetterBox } from './streamed.ts'

const bookedAt = '2026-03-01T09:00:00.000Z'
const start = '2026-03-01T10:00:00.000Z'
const end = '2026-03-01T11:00:00.000Z'
const stream = 't/reservation/r1'

/** A booking, and the consumer that arms its clock; time is the test's. */
const opened = async (arm?: Arm, trouble: (n: number) => 'before' | 'after' | undefined = () => undefined) => {
  const history = openHistory()
  const time = { now: bookedAt }
  const armed: string[] = []
  const arming: Arm = async (...asked) => {
    armed.push(`${asked[0]} ${asked[1]}`)
    return arm === undefined ? 'running' : arm(...asked)
  }
  const [counters, views, path] = [openCounters(), openViews(), writePath(history)]
  await path.send('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' }, { at: bookedAt })
  const window = { start, durationMs: 3_600_000, checkInWithinMs: 0, graceMs: 0 }
  await path.send(
    'reservation',
    'r1',
    'RequestReservation',
    { holder: 'ada', benches: [{ benchId: 'b1' }], ...window },
    { at: bookedAt },
  )
  const now = () => time.now
  const told = { log: noLog, counters }
  const handle = openProjectConsumer({
    ...told,
    now,
    views: async () => views,
    history,
    feed: { publish: async () => {} },
    letters: openLetterBox(),
    onWritten: openArming({ ...told, arm: arming }),
  })
  let cursor: string | undefined
  const deliver = async () => {
    const page = await history.feed(cursor, 1_000)
    cursor = page.cursor
    return handle({ Records: recordsOf(page.commits.map(({ commit }) => commit)) })
  }
  const candidates = async () => ({ benchIds: ['b1'], excluded: {} })
  const store = troubled(history, trouble)
  const writing = openWriting({ store, cache: openHeadCache(), counters, now, candidates })
  const tick = openTick({ ...told, writing, arm: arming, now, wait: async () => {} })
  const types = async () => (await history.load(stream)).flatMap(({ events }) => events.map(({ type }) => type))
  return { ...path, history, time, armed, counters, views, deliver, tick, types, told, now, arming }
}
const step = (nextDue = start) => ({
  step: { stream, nextDue, waitUntil: nextDue, turnCount: 0, restCount: 0 },
  startedAt: bookedAt,
})
const allDone = { batchItemFailures: [] }

describe('the clock of a stream', () => {
  test('is started when its row has come to be due, once for each instant', async () => {
    const { deliver, armed, send } = await opened()
    expect(await deliver()).toEqual(allDone)
    expect(armed).toEqual([`${stream} ${start}`])
    await send('reservation', 'r1', 'AmendReservation', { end: plusMs(end, 30_000) }, { at: bookedAt })
    await deliver()
    expect(armed).toHaveLength(1)
    const later = { start: plusMs(start, 60_000), end: plusMs(end, 60_000) }
    await send('reservation', 'r1', 'AmendReservation', later, { at: bookedAt })
    await deliver()
    expect(armed.slice(1)).toEqual([`${stream} ${later.start}`])
  })

  test('goes on by itself: what it has done starts no other', async () => {
    const { deliver, armed, tick, time, types } = await opened()
    await deliver()
    time.now = start
    expect(await tick(step())).toMatchObject({ nextDue: end })
    expect(await types()).toContain('ReservationActivated')
    await deliver()
    expect(armed).toHaveLength(1)
  })

  test('that could not be started is told of, holds up nobody, and is started by the sweep', async () => {
    let isDown = true
    const { deliver, armed, counters, views, told, arming, time, now } = await opened(async () => {
      if (isDown) throw new Error('throttled')
      return 'running'
    })
    expect(await deliver()).toEqual(allDone)
    expect(counters.armFailures).toBe(1)
    time.now = plusMs(start, 120_000)
    const sweep = () => sweepOverdue({ ...told, due: views.due, arm: arming, now })
    expect(await sweep()).toMatchObject({ overdueCount: 1, failures: [{ stream }] })
    expect(counters.armFailures).toBe(2)
    isDown = false
    expect(await sweep()).toMatchObject({ overdueCount: 1, failures: [] })
    expect(armed.at(-1)).toBe(`${stream} ${start}`)
  })
})

describe('a Tick', () => {
  test('sent twice appends once, and answers the same instant', async () => {
    const { tick, time, types, armed } = await opened()
    time.now = start
    expect(await tick(step())).toMatchObject({ nextDue: end })
    const once = await types()
    // It was not its own doing: the instant gets a run of its own name, and this one ends.
    expect(await tick(step())).toEqual({})
    expect(armed).toEqual([`${stream} ${end}`])
    expect(await types()).toEqual(once)
  })

  test('whose append took effect though its answer was lost is sent again to no harm', async () => {
    const { tick, time, types, counters, armed } = await opened(undefined, (n) => (n === 1 ? 'after' : undefined))
    time.now = start
    await expect(tick(step())).rejects.toThrow('the answer is lost')
    expect(counters.tickFailures).toBe(1)
    await tick(step())
    expect((await types()).filter((type) => type === 'ReservationActivated')).toHaveLength(1)
    expect(armed).toEqual([`${stream} ${end}`])
  })

  test('ends the run when nothing is due any more, or never was', async () => {
    const { tick, time } = await opened()
    time.now = end
    expect(await tick(step(end))).toEqual({})
    const nobody = { ...step(), step: { ...step().step, stream: 't/reservation/nobody' } }
    expect(await tick(nobody)).toEqual({})
    expect(await tick({ ...step(), step: { ...step().step, stream: 't/message/m1' } })).toEqual({})
  })

  test('that is no step is refused by the name that the machine does not repeat', async () => {
    const { tick } = await opened()
    await expect(tick({ step: { stream: 'nobody' } })).rejects.toMatchObject({ name: 'NotAClockStep' })
  })
})
