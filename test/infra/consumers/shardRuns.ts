import { afterEach } from 'vitest'
import { type StreamRunnerOptions, startStreamRunner } from '../../../adapters/dynamodb/streamRunner.ts'
import { openViews } from '../../../adapters/memory/views.ts'
import type { StreamHandler } from '../../../projections/handler.ts'
import { type FakeShard, fakeStreams } from './fakeStreams.ts'
import { openLetterBox } from './streamed.ts'

const running: { stop: () => Promise<void> }[] = []
afterEach(() => Promise.all(running.splice(0).map(({ stop }) => stop())))

export const counted = (key: string, count: number, first = 1): FakeShard['records'] =>
  Array.from({ length: count }, (_, index) => ({ key, n: first + index }))

/** A runner on streams that are made up, from which a test takes what it wants. */
export const opened = (shards: FakeShard[], checkpoints = openViews()) => {
  const streams = fakeStreams(shards)
  const box = openLetterBox()
  const seen: { key: string; n: number }[] = []
  const logged: string[] = []
  const log = { info: () => {}, error: (_: object, message: string) => void logged.push(message) }
  const note: StreamHandler = async ({ Records }) => {
    for (const { dynamodb } of Records)
      seen.push({ key: dynamodb?.Keys?.['pk']?.S ?? '', n: Number(dynamodb?.SequenceNumber) })
    return { batchItemFailures: [] }
  }
  const run = (handler: StreamHandler = note, more: Partial<StreamRunnerOptions> = {}) => {
    const quick = { pollEveryMs: 2, discoverEveryMs: 5, pausesMs: [1, 2], saveEveryMs: 1 }
    const ports = { streams: streams.client, consumers: { project: handler }, checkpoints, letters: box, log }
    const runner = startStreamRunner({ ...ports, ...quick, ...more })
    running.push(runner)
    return runner
  }
  const keysSeen = (key: string) => seen.filter((each) => each.key === key).map(({ n }) => n)
  return { ...streams, box, seen, logged, note, run, keysSeen, checkpoints }
}
