import { expect, test } from 'vitest'
import { openHistory } from '../../../adapters/memory/history.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import { fault } from '../../../domain/faults.ts'
import { openProjectConsumer, type ProjectConsumerPorts } from '../../../infra/consumers/project.ts'
import { openCounters } from '../../../infra/counters.ts'
import { noLog } from '../../../infra/log.ts'
import { writePath } from '../../writePath.ts'
import { recordsOf } from './records.ts'
import { commitsIn, now, openLetterBox } from './streamed.ts'

/** A consumer whose feed is down, and what it tells of the rows. */
const opened = async () => {
  const [history, views] = [openHistory(), openViews()]
  const { send } = writePath(history)
  await send('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' })
  const window = { start: '2026-03-01T10:00:00.000Z', durationMs: 3_600_000 }
  await send('reservation', 'r1', 'RequestReservation', { holder: 'ada', benches: [{ benchId: 'b1' }], ...window })
  const heard = new Map<string, { version: number; nextDue: string | undefined }>()
  const feed = { isDown: true }
  const publish = async (): Promise<void> => {
    if (feed.isDown) throw fault('storage-unusable', 'away')
  }
  const onWritten: ProjectConsumerPorts['onWritten'] = (changes) => {
    for (const { view, row } of changes) heard.set(`${view}/${row.id}`, { version: row.version, nextDue: row.nextDue })
  }
  const told = { letters: openLetterBox(), log: noLog, counters: openCounters(), now }
  const consumer = openProjectConsumer({ ...told, views: async () => views, history, feed: { publish }, onWritten })
  const Records = recordsOf(await commitsIn(history))
  return { views, heard, feed, project: () => consumer({ Records }) }
}

test('who follows the rows hears of those too that were written before an attempt failed: a clock is armed by them', async () => {
  const { views, heard, feed, project } = await opened()
  expect((await project()).batchItemFailures).toHaveLength(1)
  expect(heard.size).toBe(0)
  feed.isDown = false
  expect((await project()).batchItemFailures).toEqual([])
  const rowOf = async (view: string, id: string) => (await views.read(view, 't', [id]))[0]
  for (const [view, id] of [
    ['benches', 'b1'],
    ['reservations', 'r1'],
  ] as const)
    expect(heard.get(`${view}/${id}`)?.version).toBe((await rowOf(view, id))?.version)
  expect(heard.get('reservations/r1')?.nextDue).toBe((await rowOf('reservations', 'r1'))?.nextDue)
  expect(heard.get('reservations/r1')?.nextDue).toEqual(expect.any(String))
})

test('rows that were told of are not told of again when their records are', async () => {
  const { heard, feed, project } = await opened()
  feed.isDown = false
  await project()
  expect(heard.size).toBeGreaterThan(0)
  heard.clear()
  await project()
  expect(heard.size).toBe(0)
})
