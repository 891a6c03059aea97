import { ExecutionAlreadyExists, type StartExecutionCommand } from '@aws-sdk/client-sfn'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Arm, openArm, runName, sweepClocks } from '../../adapters/stepfunctions/clock.ts'
import { type ClockLimits, openTicking, type Ticked } from '../../adapters/stepfunctions/ticking.ts'
import { streamKinds } from '../../domain/ids.ts'
import type { DueRow } from '../../domain/ports.ts'
import { openTime } from '../infra/house.ts'

const stream = 'default/reservation/r1'

/** A clock whose Ticks end as told, one after the other; what it asked of the outside is listed. */
const opened = (ends: readonly (Ticked | Error)[], limits: Partial<ClockLimits> = {}) => {
  const time = openTime()
  const asked: string[] = []
  const turn = openTicking({
    tick: async (name, nextDue) => {
      asked.push(`tick ${name} ${nextDue}`)
      const end = ends[asked.filter((what) => what.startsWith('tick')).length - 1]
      if (end === undefined || end instanceof Error) throw end ?? new Error('one Tick too many')
      return end
    },
    arm: async (name, nextDue) => {
      asked.push(`arm ${name} ${nextDue}`)
      return 'running'
    },
    now: time.now,
    wait: async (ms) => asked.push(`wait ${ms}`),
    limits,
  })
  const step = (nextDue: string, more: object = {}) => ({
    step: { stream, nextDue, waitUntil: nextDue, turnCount: 0, restCount: 0, ...more },
    startedAt: '2026-03-02T07:00:00.000Z',
  })
  return { time, asked, turn, step }
}
const ticked = (hasAppended: boolean, nextDue?: string): Ticked =>
  nextDue === undefined ? { kind: 'ticked', hasAppended } : { kind: 'ticked', hasAppended, nextDue }

describe('one turn of the clock', () => {
  test('sends the Tick and goes on with what is due next', async () => {
    const { time, asked, turn, step } = opened([ticked(true, '2026-03-02T09:00:00.000Z')])
    expect(await turn(step(time.now()))).toEqual({
      stream,
      nextDue: '2026-03-02T09:00:00.000Z',
      waitUntil: '2026-03-02T09:00:00.000Z',
      turnCount: 1,
      restCount: 0,
    })
    expect(asked).toEqual([`tick ${stream} ${time.now()}`])
  })

  test('ends the run when nothing is due any more', async () => {
    const { time, turn, step } = opened([ticked(true)])
    expect(await turn(step(time.now()))).toEqual({})
  })

  test('waits out the milliseconds that the machine cuts off', async () => {
    const { asked, turn, step } = opened([ticked(true)])
    await turn(step('2026-03-02T08:00:00.900Z'))
    expect(asked).toEqual(['wait 900', `tick ${stream} 2026-03-02T08:00:00.900Z`])
  })

  test('does not wait for a clock that goes wrong, and tells the Tick what it was armed for', async () => {
    const { asked, turn, step } = opened([ticked(true)])
    await turn(step('2026-03-02T08:10:00.000Z'))
    expect(asked).toEqual([`tick ${stream} 2026-03-02T08:10:00.000Z`])
  })

  test('that found another faster, or another window, gives the next instant its own run and ends', async () => {
    const { time, asked, turn, step } = opened([ticked(false, '2026-03-02T09:00:00.000Z')])
    expect(await turn(step(time.now()))).toEqual({})
    expect(asked.at(-1)).toBe(`arm ${stream} 2026-03-02T09:00:00.000Z`)
  })

  test('that could do nothing yet rests, longer each time, and is left to the sweep in the end', async () => {
    const now = openTime().now()
    const { turn, step } = opened(
      Array.from({ length: 4 }, () => ticked(false, now)),
      { restCountMax: 3, restMs: 20_000 },
    )
    const waits: unknown[] = []
    let answer: object = step(now).step
    for (let n = 0; n < 4; n++) {
      answer = await turn({ ...step(now), step: answer })
      waits.push('waitUntil' in answer ? answer.waitUntil : 'over')
    }
    expect(waits).toEqual(['2026-03-02T08:00:20.000Z', '2026-03-02T08:00:40.000Z', '2026-03-02T08:01:00.000Z', 'over'])
  })

  test.each([
    ['has had its turns', { turnCount: 999 }, '2026-03-02T09:00:00.000Z'],
    ['would last for too long', {}, '2027-01-02T00:00:00.000Z'],
  ])('hands over to a new run when this one %s', async (_, more, nextDue) => {
    const { time, asked, turn, step } = opened([ticked(true, nextDue)])
    expect(await turn(step(time.now(), more))).toEqual({})
    expect(asked.at(-1)).toBe(`arm ${stream} ${nextDue}`)
  })

  test('fails when the Tick does, or lost too many races: the machine repeats it', async () => {
    const { time, turn, step } = opened([new Error('history is away'), { kind: 'contended' }])
    await expect(turn(step(time.now()))).rejects.toThrow('history is away')
    await expect(turn(step(time.now()))).rejects.toMatchObject({ name: 'Contended' })
  })

  test.each([
    ['nothing', undefined],
    ['no stream', { stream: 'nobody' }],
    ['no instant', { nextDue: 'soon' }],
    ['no number', { turnCount: -1 }],
  ])('fails for good when it is given %s', async (_, more) => {
    const { time, asked, turn, step } = opened([])
    const given = more === undefined ? undefined : step(time.now(), more)
    await expect(turn(given)).rejects.toMatchObject({ name: 'NotAClockStep' })
    expect(asked).toEqual([])
  })
})

describe('the name of a run', () => {
  test('is short, of letters and digits, and another for each stream, instant and round', () => {
    const asked = fc.tuple(
      fc.constantFrom(...streamKinds),
      fc.string({ minLength: 1, maxLength: 128 }),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }),
      fc.option(fc.nat(), { nil: undefined }),
    )
    const name = ([kind, id, at, round]: readonly [string, string, Date, number | undefined]) =>
      runName(`default/${kind}/${id}`, at.toISOString(), round)
    const property = fc.property(asked, asked, (one, other) => {
      expect(name(one)).toMatch(/^[a-z]+-[0-9a-f]{64}$/)
      expect(name(one).length).toBeLessThanOrEqual(80)
      expect(name(one) === name(other)).toBe(JSON.stringify(one) === JSON.stringify(other))
    })
    fc.assert(property)
  })
})

describe('arming', () => {
  test('asks for the same run in the same words, so that starting twice is once', async () => {
    const sent: unknown[] = []
    const arm = openArm(
      clientThat(async ({ input }) => sent.push(input)),
      'arn:machine',
    )
    expect([await arm(stream, openTime().now()), await arm(stream, openTime().now())]).toEqual(['running', 'running'])
    expect(sent[0]).toEqual(sent[1])
  })

  test('is told of a run that has ended, and of an outage', async () => {
    const over = new ExecutionAlreadyExists({ message: 'over', $metadata: {} })
    const failing = (error: Error) =>
      openArm(
        clientThat(() => Promise.reject(error)),
        'arn:machine',
      )(stream, openTime().now())
    expect(await failing(over)).toBe('over')
    await expect(failing(new Error('away'))).rejects.toThrow('away')
  })
})

/** As far as `arm` asks of one. */
const clientThat = (send: (command: StartExecutionCommand) => Promise<unknown>) =>
  ({ send }) as unknown as Parameters<typeof openArm>[0]

describe('the sweep', () => {
  const row = (id: string, nextDue: string, view = 'reservations'): DueRow => ({
    view,
    tenant: 'default',
    id,
    version: 1,
    nextDue,
  })
  const swept = async (rows: readonly DueRow[], arm: Arm) => {
    const asked: (string | undefined)[] = []
    const due = async (until: string | undefined, limit: number) => {
      asked.push(until)
      return rows.slice(0, limit)
    }
    return { asked, ...(await sweepClocks({ due, arm, now: openTime().now, limit: 3 })) }
  }

  test('arms what is overdue, and gives another run to what had one that is over', async () => {
    const armed: unknown[][] = []
    const past = '2026-03-02T07:00:00.000Z'
    const { asked, overdueCount, failures } = await swept(
      [row('a', past), row('b', past, 'executions')],
      async (...of) => {
        armed.push(of)
        return of[0].endsWith('/b') && of[2] === undefined ? 'over' : 'running'
      },
    )
    const round = Date.parse('2026-03-02T08:00:00.000Z') / 600_000
    expect(asked).toEqual(['2026-03-02T07:59:00.000Z'])
    expect({ overdueCount, failures }).toEqual({ overdueCount: 2, failures: [] })
    expect(armed).toHaveLength(3)
    expect(armed).toEqual(
      expect.arrayContaining([
        ['default/reservation/a', past],
        ['default/execution/b', past],
        ['default/execution/b', past, round],
      ]),
    )
  })

  test('goes on after one that failed, and says which, and that there may be more', async () => {
    const past = '2026-03-02T07:00:00.000Z'
    const armed: string[] = []
    const { failures, isCut } = await swept(
      ['a', 'b', 'c', 'd'].map((id) => row(id, past)),
      async (name) => {
        if (name.endsWith('/a')) throw new Error('away')
        armed.push(name)
        return 'running'
      },
    )
    expect(failures).toEqual([{ stream: 'default/reservation/a', error: 'Error: away' }])
    expect({ armed, isCut }).toEqual({ armed: ['default/reservation/b', 'default/reservation/c'], isCut: true })
  })
})
