/**
 * A deployment turned by hand, and what has come of it so far: a request's appends go through the stream at once, and so does
 * what comes of them; clocks wake when time passes. A quiet day, the dearest case: each append is a batch of its own, and
 * each event that a policy watches a message of its own.
 */
import { type Instant, plusMs } from '../../domain/ids.ts'
import { watchedTypes } from '../../infra/consumers/react.ts'
import type { StreamRecord } from '../../projections/handler.ts'
import type { Spent } from '../adapters/dynamodbCapacity.ts'
import { type Cloud, type Engine, openCloud } from './cloud.ts'
import { openTime, type Time } from './writing.ts'

/** What was asked of the tables. */
export interface Use {
  callCount: number
  writeUnits: number
  readUnits: number
}

/** Why something was asked for: the columns of the table of a life. */
export const causes = ['request', 'claim', 'heartbeat', 'rows and feed', 'policies', 'clocks'] as const
export type Cause = (typeof causes)[number]

export interface Life {
  uses: Readonly<Record<Cause, Use>>
  requestCount: number
  beatCount: number
  appendCount: number
  commitCount: number
  /** Of those commits, about: names and numbers beside the text are a few. */
  historyBytes: number
  eventCount: number
  messageCount: number
  runCount: number
  transitionCount: number
  /** Of each function; a beat is one of the API's. */
  invocations: Readonly<Record<'api' | 'project' | 'publish' | 'react' | 'tick', number>>
}

export const noUse: Use = { callCount: 0, writeUnits: 0, readUnits: 0 }
export const sumOf = (a: Use, b: Use): Use => ({
  callCount: a.callCount + b.callCount,
  writeUnits: a.writeUnits + b.writeUnits,
  readUnits: a.readUnits + b.readUnits,
})
export const useOf = ({ calls, writeUnits, readUnits }: Spent): Use => ({
  callCount: calls.length,
  writeUnits,
  readUnits,
})
export const timesOf = ({ callCount, writeUnits, readUnits }: Use, count: number): Use => ({
  callCount: callCount * count,
  writeUnits: writeUnits * count,
  readUnits: readUnits * count,
})

const emptyLife = () => ({
  uses: Object.fromEntries(causes.map((cause) => [cause, noUse])) as Record<Cause, Use>,
  requestCount: 0,
  beatCount: 0,
  appendCount: 0,
  commitCount: 0,
  historyBytes: 0,
  eventCount: 0,
  messageCount: 0,
  runCount: 0,
  transitionCount: 0,
  invocations: { api: 0, project: 0, publish: 0, react: 0, tick: 0 },
})

interface Run {
  time: Time
  cloud: Cloud
  life: ReturnType<typeof emptyLife>
  /** Of clocks, before the life began. */
  before: { runCount: number; transitionCount: number }
}

const add = ({ life }: Run, cause: Cause, spent: Spent): void => {
  life.uses[cause] = sumOf(life.uses[cause], useOf(spent))
}

/** What a part has appended goes through the stream, and what comes of that too. */
const flow = async (run: Run, part: Pick<Cloud['api'], 'records'>): Promise<void> => {
  const { cloud, life } = run
  const Records = part.records()
  if (Records.length === 0) return
  life.appendCount++
  life.commitCount += Records.length
  life.historyBytes += Records.reduce((sum, record) => sum + bytesIn(record), 0)
  life.invocations.project++
  demandAll(await cloud.project.handle({ Records }))
  add(run, 'rows and feed', cloud.project.spent())
  life.invocations.publish++
  demandAll(await cloud.publish({ Records }))
  const events = cloud.bus.take()
  life.eventCount += events.length
  for (const { type, detail } of events) if (watchedTypes.includes(type)) await react(run, detail)
}

const react = async (run: Run, detail: string): Promise<void> => {
  const { cloud, life } = run
  life.messageCount++
  life.invocations.react++
  demandAll(await cloud.react.handle({ Records: [{ messageId: '1', body: `{"detail":${detail}}` }] }))
  add(run, 'policies', cloud.react.spent())
  await flow(run, cloud.react)
}

const tick = async (run: Run, given: unknown) => {
  const { cloud, life } = run
  life.invocations.tick++
  const answer = await cloud.tick.handle(given)
  add(run, 'clocks', cloud.tick.spent())
  await flow(run, cloud.tick)
  return answer
}

/** Goes to an instant, and wakes on the way who is due. */
const goTo = async (run: Run, at: Instant): Promise<void> => {
  const { time, cloud } = run
  const passTo = (instant: Instant): void => time.pass(Math.max(0, Date.parse(instant) - Date.parse(time.now())))
  for (let due = cloud.machine.nextAt(); due !== undefined && due <= at; due = cloud.machine.nextAt()) {
    passTo(due)
    await cloud.machine.turn(time.now(), (given) => tick(run, given))
  }
  passTo(at)
}

/** Answers what it cost by itself. */
const ask = async (run: Run, cause: Cause, method: string, path: string, body?: unknown): Promise<Spent> => {
  const { cloud, life } = run
  const headers = { 'content-type': 'application/json', 'idempotency-key': nextKey() }
  const asked = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
  const response = await cloud.api.app.request(path, asked)
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  if (response.status === 204) throw new Error(`${method} ${path}: nothing was found`)
  life.requestCount++
  life.invocations.api++
  const spent = cloud.api.spent()
  add(run, cause, spent)
  await flow(run, cloud.api)
  return spent
}

/** One beat is sent, and as many counted as would have been. */
const beat = async (run: Run, count: number, attempts: readonly object[]): Promise<void> => {
  const { life } = run
  const spent = await ask(run, 'heartbeat', 'POST', '/v1/workers/rack-3/heartbeat', { epoch: 1, attempts })
  life.uses.heartbeat = sumOf(life.uses.heartbeat, timesOf(useOf(spent), count - 1))
  life.requestCount--
  life.invocations.api += count - 1
  life.beatCount += count
}

type Asked = Parameters<typeof ask> extends [Run, ...infer Rest] ? Rest : never

export const openTurned = (engine: Engine) => {
  const time = openTime()
  const cloud = openCloud(engine, time)
  const run: Run = { time, cloud, life: emptyLife(), before: cloud.machine.counts() }
  return {
    cloud,
    ask: (...asked: Asked): Promise<Spent> => ask(run, ...asked),
    after: (ms: number): Promise<void> => goTo(run, plusMs(time.now(), ms)),
    beat: (count: number, attempts: readonly object[]): Promise<void> => beat(run, count, attempts),
    /** So much for the preparations. */
    begin: (): void => {
      for (const part of [cloud.api, cloud.project, cloud.react, cloud.tick]) part.spent()
      run.life = emptyLife()
      run.before = cloud.machine.counts()
    },
    end: (): Life => {
      const { runCount, transitionCount } = cloud.machine.counts()
      const { life, before } = run
      const turned = { runCount: runCount - before.runCount, transitionCount: transitionCount - before.transitionCount }
      return { ...life, ...turned }
    },
  }
}
export type Turned = ReturnType<typeof openTurned>

const bytesIn = ({ dynamodb }: StreamRecord): number =>
  Object.values(dynamodb?.NewImage ?? {}).reduce(
    (sum, { S = '', B = '' }) => sum + Buffer.byteLength(S) + B.length * 0.75,
    0,
  )

const demandAll = ({ batchItemFailures }: { batchItemFailures: readonly unknown[] }): void => {
  if (batchItemFailures.length > 0) throw new Error(`not done: ${JSON.stringify(batchItemFailures)}`)
}

let keyCount = 0
const nextKey = (): string => `0190a4d2-6c1e-7000-8000-${String(++keyCount).padStart(12, '0')}`
