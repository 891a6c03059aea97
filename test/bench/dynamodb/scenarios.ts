import { type Command, commandOf } from './commands.ts'

/** What one round of a scenario sends: a lane's commands go one after another, the lanes at the same time. */
export interface Lane {
  /** Which of the peer's servers. */
  writer: number
  commands: readonly Command[]
}

export interface Scenario {
  key: 'hot' | 'cold' | 'five' | 'contention'
  title: string
  /** Servers of the same store, each with a cache of its own. */
  writerCount: number
  /** The streams that must be there, with so many events, before the first round. */
  streams: readonly string[]
  eventCount: number
  /** The servers know nothing when a round begins, and no stream is met twice in it. */
  isCold: boolean
  /** Of a round against the clock. */
  lanes(): readonly Lane[]
  /** Of a round whose calls and units are counted. */
  countedLanes(): readonly Lane[]
  countedRoundCount: number
}

const namesOf = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n}`)

const describing = (streams: readonly string[], count: number, eventCount = 1): readonly Command[] =>
  Array.from({ length: count }, (_, n) => commandOf(streams[n % streams.length] ?? '', 'DescribeBench', eventCount))

const laneCount = 16
const commandsPerLane = 16
/** So many commands bring a stream's state to ride once: its share is counted in full. */
const rideEvery = 32

/** Each lane has four streams of its own: nobody is in anybody's way. */
const apart = (key: 'hot' | 'five', title: string, eventCount: number, counted: string): Scenario => {
  const streams = namesOf(key, 4 * laneCount)
  const countedStreams = namesOf(counted, 4)
  return {
    key,
    title,
    writerCount: 1,
    streams: [...streams, ...countedStreams],
    eventCount: 1,
    isCold: false,
    lanes: () =>
      Array.from({ length: laneCount }, (_, lane) => ({
        writer: 0,
        commands: describing(streams.slice(4 * lane, 4 * lane + 4), commandsPerLane, eventCount),
      })),
    countedLanes: () =>
      countedStreams.map((stream) => ({ writer: 0, commands: describing([stream], rideEvery, eventCount) })),
    countedRoundCount: 1,
  }
}

const coldStreams = namesOf('cold', 4 * laneCount)
const coldCounted = namesOf('cold-counted', 4)
const cold: Scenario = {
  key: 'cold',
  title: `cold load and append of a 100-event stream, ${laneCount} at a time`,
  writerCount: 1,
  streams: [...coldStreams, ...coldCounted],
  eventCount: 100,
  isCold: true,
  lanes: () =>
    Array.from({ length: laneCount }, (_, lane) => ({
      writer: 0,
      commands: describing(coldStreams.slice(4 * lane, 4 * lane + 4), 4),
    })),
  countedLanes: () => coldCounted.map((stream) => ({ writer: 0, commands: describing([stream], 1) })),
  // What is read depends on how long ago the state was last written.
  countedRoundCount: 8,
}

const writerCount = 8
const contended = (stream: string): readonly Lane[] =>
  Array.from({ length: writerCount }, (_, writer) => ({ writer, commands: describing([stream], 8) }))
const contention: Scenario = {
  key: 'contention',
  title: `${writerCount} servers on one stream, each with its next command as soon as the last is in`,
  writerCount,
  streams: ['contended', 'contended-counted'],
  eventCount: 1,
  isCold: false,
  lanes: () => contended('contended'),
  countedLanes: () => contended('contended-counted'),
  countedRoundCount: 2,
}

export const scenarios: readonly Scenario[] = [
  apart('hot', `hot append, ${laneCount} at a time`, 1, 'hot-counted'),
  cold,
  apart('five', `five events in one command, ${laneCount} at a time`, 5, 'five-counted'),
  contention,
]
