import { setTimeout as wait } from 'node:timers/promises'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, test, vi } from 'vitest'
import { openArm, sweepClocks } from '../../adapters/stepfunctions/clock.ts'
import { clockMachine } from '../../adapters/stepfunctions/clockMachine.ts'
import { openTicking, type Ticked } from '../../adapters/stepfunctions/ticking.ts'
import { eventsOf } from '../../domain/event.ts'
import { later, partsOf, plusMs } from '../../domain/ids.ts'
import { decider } from '../../domain/reservation/decide.ts'
import type { ReservationState } from '../../domain/reservation/state.ts'
import { motoServer } from '../adapters/moto.ts'
import { throttled } from '../adapters/motoProxy.ts'
import { writePath } from '../writePath.ts'
import { functionArn, machinesOf } from './machines.ts'

const moto = motoServer()
const machines = machinesOf(moto)
const now = () => new Date().toISOString()
let made = 0

/** A history with a bench, and the machine that Ticks it, each on its own; `before` may fail a Tick. */
const opened = async (before: (n: number) => void = () => undefined) => {
  const name = `clock-${++made}`
  const sqs = moto.closing(new SQSClient(moto.settings()))
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }))
  const machineArn = await machines.create(
    clockMachine({ functionArn: functionArn(name), deadLetterQueueUrl: QueueUrl }),
  )
  const path = writePath()
  const arm = openArm(machines.client(), machineArn)
  await path.send('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' })
  let n = 0
  const tick = async (stream: string, nextDue: string): Promise<Ticked> => {
    before(++n)
    const command = {
      at: later(now(), nextDue),
      commandId: `clock-${n}`,
      actor: { kind: 'system', id: 'clock' },
    } as const
    const outcome = await path.send('reservation', partsOf(stream).id, 'Tick', {}, command)
    if (outcome.kind !== 'done') throw new Error(outcome.kind)
    const due = decider.nextDue(outcome.head.state as ReservationState)
    const told = { kind: 'ticked', hasAppended: outcome.commits.length > 0 } as const
    return due === undefined ? told : { ...told, nextDue: due }
  }
  moto.proxy().runFunction(functionArn(name), openTicking({ tick, arm, now, wait }))
  /** Books the bench: due at the start of the window, and at its end. */
  const book = async (start: string, durationMs = 1_500): Promise<void> => {
    const window = { start, durationMs, checkInWithinMs: 0, graceMs: 0 }
    const body = { holder: 'ada', benches: [{ benchId: 'b1' }], ...window }
    const outcome = await path.send('reservation', 'r1', 'RequestReservation', body, { at: now() })
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome))
  }
  const story = async () => (await path.store.load(stream)).flatMap(eventsOf).map(({ type, at }) => ({ type, at }))
  const dead = async () => (await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages ?? []
  return { ...path, machineArn, arm, book, story, dead, tickCount: () => n }
}
const stream = 't/reservation/r1'
const inMs = (ms: number) => plusMs(now(), ms)
const typesOf = (story: readonly { type: string }[]) => story.map(({ type }) => type)

describe('the clock of a stream', () => {
  test('sends each Tick when it is due, not before, and ends when nothing is due any more', async () => {
    const { machineArn, arm, book, story, tickCount } = await opened()
    const start = inMs(1_300)
    await book(start)
    expect(await arm(stream, start)).toBe('running')
    const [run] = await machines.runs(machineArn)
    expect(await machines.ended(run?.executionArn)).toMatchObject({ status: 'SUCCEEDED', output: '{}' })
    const told = await story()
    expect(typesOf(told)).toEqual(['ReservationConfirmed', 'ReservationActivated', 'ReservationExpired'])
    expect(told[1]!.at >= start && told[2]!.at >= plusMs(start, 1_500)).toBe(true)
    expect(tickCount()).toBe(2)
    expect(await machines.runs(machineArn)).toHaveLength(1)
  })

  test('that is started twice runs once, and the sweep starts it anew only when it has ended', async () => {
    const { machineArn, arm, book, story } = await opened()
    const start = inMs(1_000)
    await book(start)
    expect(await Promise.all([arm(stream, start), arm(stream, start), arm(stream, start)])).toEqual(
      Array(3).fill('running'),
    )
    const [run, ...others] = await machines.runs(machineArn)
    expect(others).toEqual([])
    await machines.ended(run?.executionArn)
    expect(await arm(stream, start)).toBe('over')
    const due = async () => [{ view: 'reservations', tenant: 't', id: 'r1', version: 1, nextDue: start }]
    const swept = () => sweepClocks({ due, arm, now, graceMs: 0, roundMs: 3_600_000_000 })
    expect(await swept()).toEqual({ overdueCount: 1, isCut: false, failures: [] })
    await swept()
    const runs = await machines.runs(machineArn)
    expect(runs).toHaveLength(2)
    for (const { executionArn } of runs)
      expect(await machines.ended(executionArn)).toMatchObject({ status: 'SUCCEEDED' })
    expect(typesOf(await story())).toHaveLength(3)
  })

  test('whose window was amended leaves it to the run of the new window', async () => {
    const { machineArn, arm, book, story, send } = await opened()
    const [first, second] = [inMs(1_200), inMs(4_200)]
    await book(first)
    await arm(stream, first)
    expect(
      await send('reservation', 'r1', 'AmendReservation', { start: second, end: plusMs(second, 1_000) }, { at: now() }),
    ).toMatchObject({ kind: 'done' })
    await arm(stream, second)
    for (const { executionArn } of await machines.runs(machineArn)) await machines.ended(executionArn)
    expect(await machines.runs(machineArn)).toHaveLength(2)
    const told = await story()
    expect(typesOf(told).slice(-2)).toEqual(['ReservationActivated', 'ReservationExpired'])
    expect(told.at(-2)!.at >= second).toBe(true)
  })
})

describe('in bad weather', () => {
  test('a Tick that fails is sent again', async () => {
    const { machineArn, arm, book, story, tickCount, dead } = await opened((n) => {
      if (n === 1) throw new Error('history is away')
    })
    const start = now()
    await book(start, 1_000)
    await arm(stream, start)
    const [run] = await machines.runs(machineArn)
    expect(await machines.ended(run?.executionArn)).toMatchObject({ status: 'SUCCEEDED' })
    expect(typesOf(await story()).at(-1)).toBe('ReservationExpired')
    expect(tickCount()).toBeGreaterThan(1)
    expect(await dead()).toEqual([])
  })

  test('what can never be sent lies in the dead-letter queue, and its run counts as failed', async () => {
    const { machineArn, dead, tickCount } = await opened()
    const broken = { stream: 'nobody', nextDue: now(), waitUntil: now(), turnCount: 0, restCount: 0 }
    const run = await machines.start(machineArn, broken)
    expect(await machines.ended(run)).toMatchObject({ status: 'FAILED', error: 'TickNotSent' })
    const [letter] = await vi.waitFor(async () => {
      const found = await dead()
      expect(found).toHaveLength(1)
      return found
    })
    expect(JSON.parse(letter?.Body ?? '')).toMatchObject({
      run,
      step: { stream: 'nobody', error: { Error: 'NotAClockStep' } },
    })
    expect(tickCount()).toBe(0)
  })

  test.each([
    ['throttled', throttled],
    ['answered by a 500', { kind: 'failed' }],
    ['cut off before it was heard', { kind: 'refused' }],
    ['cut off before it was answered', { kind: 'cut' }],
  ] as const)('an arming that is %s twice starts one run', async (_, trouble) => {
    const { machineArn, arm } = await opened()
    moto.proxy().follow(({ operation, n }) => (operation === 'StartExecution' && n <= 2 ? trouble : undefined))
    expect(await arm(stream, inMs(60_000))).toBe('running')
    expect(await machines.runs(machineArn)).toHaveLength(1)
  })

  test('an arming that fails for longer is told to who armed', async () => {
    const { arm } = await opened()
    moto.proxy().follow(({ operation }) => (operation === 'StartExecution' ? throttled : undefined))
    await expect(arm(stream, now())).rejects.toThrow('by proxy')
  })
})
