import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Dice, openDice } from '../dice.ts'
import type { Failpoint } from './failpoint.ts'
import {
  beat,
  begin,
  bench,
  executionId,
  expectWhole,
  type Life,
  reservationId,
  type Step,
  session,
  steps,
} from './life.ts'
import { type Answer, call, everything, type Place, type RunningServer, startServer, waitFor } from './server.ts'
import { dynamodb, sqlite } from './stores.ts'

/** When the server dies: once it has answered; at some moment of the request; or around the very transaction. */
type Kill = 'answered' | 'somewhere' | 'before the commit' | 'after the commit'

/** A request takes about as long. */
const requestMs = 4
/** A lost claim is found again once a beat has come so late that it must have followed the answer: a quarter of this. */
const settings = { BENCHPLANE_HEARTBEAT_EVERY_MS: '400' }
const failpoint = new URL('failpoint.ts', import.meta.url).href

/** A server that is killed and started again on the same data. */
const openPatient = async (place: Place, more: object = {}) => {
  const file = join(place.directory, 'failpoint')
  const set = (point?: Failpoint): void => writeFileSync(file, point === undefined ? '' : JSON.stringify(point))
  const env = { NODE_OPTIONS: `--import=${failpoint}`, BENCHPLANE_TEST_FAILPOINT: file, ...settings, ...more }
  set()
  let server: RunningServer = await startServer(place, [], env)
  const isDead = (): boolean => server.child.exitCode !== null || server.child.signalCode !== null
  return {
    url: () => server.url,
    kill: () => server.kill(),
    set,
    dead: () => waitFor(async () => isDead()),
    restart: async (): Promise<string> => {
      await server.kill()
      set()
      server = await startServer(place, [], env)
      return server.url
    },
  }
}
type Patient = Awaited<ReturnType<typeof openPatient>>

const pointOf = (life: Life, { leaves }: Step, when: Failpoint['when']): Failpoint | undefined => {
  if (leaves === undefined) return undefined
  const id = leaves.of === 'execution' ? executionId(life) : reservationId(life)
  return { stream: `default/${leaves.of}/${id}`, type: leaves.type, when }
}

/** Sends a step during which the server dies, and answers what came back, if anything did. */
const torn = async (
  patient: Patient,
  life: Life,
  step: Step,
  die: (sent: Promise<unknown>) => Promise<unknown>,
): Promise<Answer | undefined> => {
  const before = life.running
  const sent = step.send(patient.url(), life).catch(() => undefined)
  await die(sent)
  const answer = await sent
  // Who was not answered knows nothing of it.
  if (answer === undefined) life.running = before
  return answer
}

const sendAndDie = async (patient: Patient, life: Life, step: Step, kill: Kill, dice: Dice) => {
  if (kill === 'answered') return step.send(patient.url(), life)
  if (kill === 'somewhere')
    return torn(patient, life, step, async () => {
      await setTimeout(dice() * requestMs)
      await patient.kill()
    })
  patient.set(pointOf(life, step, kill === 'before the commit' ? 'before' : 'after'))
  // Answered, it has not died where it was to.
  const answer = await torn(patient, life, step, (sent) => Promise.race([patient.dead(), sent]))
  expect(answer).toBeUndefined()
  return undefined
}

/** A whole life during which the server dies at one step; the client comes back with what it had to say. */
const killedAt = async (patient: Patient, id: string, deadly: Step, kill: Kill, dice: Dice): Promise<void> => {
  const life = await begin(patient.url(), id)
  for (const step of steps) {
    if (step !== deadly) {
      await step.send(patient.url(), life)
      continue
    }
    const first = await sendAndDie(patient, life, step, kill, dice)
    const url = await patient.restart()
    await beat(url, life)
    if (first !== undefined && step.isClaim === true) continue
    const again = await step.send(url, life)
    // An answer that was given holds: its retry is told the same.
    if (first !== undefined) expect(again.body).toEqual(first.body)
  }
  await expectWhole(patient.url(), life)
}

const killsOf = ({ leaves, writesFiles }: Step): readonly Kill[] => [
  'answered',
  ...(leaves === undefined ? [] : (['before the commit', 'after the commit'] as const)),
  ...(writesFiles === true ? (['somewhere', 'somewhere'] as const) : []),
]

/** Taking the clock over takes two seconds, each time: some steps, each in another way. */
const inSomeWay = ({ leaves }: Step, n: number): readonly Kill[] => {
  if (n % 2 === 1) return []
  const ways = leaves === undefined ? (['answered'] as const) : (['after the commit', 'before the commit'] as const)
  return [ways[(n / 2) % ways.length] ?? 'answered']
}

test.each<{
  store: string
  place: () => Place
  at: string
  killsIn: (step: Step, n: number) => readonly Kill[]
  env: object
}>([
  { ...sqlite, at: 'each of ten steps in every way', killsIn: killsOf, env: {} },
  { ...dynamodb(), at: 'five of ten steps', killsIn: inSomeWay, env: { BENCHPLANE_LEASE_MS: '4000' } },
])(
  'in $store: killed at $at, an execution comes to the same end by the same attempts, under the same session',
  {
    timeout: 180_000,
  },
  async ({ place, killsIn, env }) => {
    const dice = openDice()
    const patient = await openPatient(place(), env)
    await call(patient.url(), 'POST', '/v1/benches', bench)
    await call(patient.url(), 'PUT', '/v1/workers/w-1')
    const opened = await call(patient.url(), 'POST', '/v1/workers/w-1/sessions', {
      benches: ['rig-1'],
      agentVersion: '1',
    })
    expect(opened.body).toMatchObject({ epoch: session.epoch })
    for (const [n, step] of steps.entries())
      for (const [k, kill] of killsIn(step, n).entries())
        await dice.telling(`${step.name}, killed ${kill}`, () => killedAt(patient, `${n}-${k}`, step, kill, dice.next))
    const url = patient.url()
    expect((await call(url, 'GET', '/v1/audit/verify')).body).toMatchObject({ ok: true })
    const lives = await everything<{ type: string }>(url, `/v1/history/bench/${bench.benchId}`)
    // One life of the worker, whatever became of the server.
    expect(lives.filter(({ type }) => /^Bench(?:Online|Suspected|Lost|Offline)$/.test(type))).toHaveLength(1)
    expect((await call(url, 'GET', `/v1/benches/${bench.benchId}?consistent=true`)).body).toMatchObject({
      occupancy: 'free',
    })
  },
)
