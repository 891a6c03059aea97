import { describe, expect, test } from 'vitest'
import type { ExecutionCommand } from '../../domain/execution/decide.ts'
import { executions } from '../../projections/executions.ts'
import { claimableRange, laterRetries, readyAfter, type TaskRow } from '../../projections/tasks.ts'
import { after, at, claim, complete, fail, submit } from '../domain/executionStory.ts'

const t0 = '2026-03-01T09:00:00.000Z'

/** The rows of an execution's tasks after these commands, by name. */
const rowsAfter = (...commands: readonly ExecutionCommand[]) => {
  const events = after(...commands)
  let body: Parameters<typeof executions.project>[0]
  for (const [index, event] of events.entries())
    body = executions.project(body, { ...event, version: index + 1 } as never)
  const rows = executions.split?.rows('e1', body as NonNullable<typeof body>, 0) ?? []
  return new Map(
    rows.map(({ row, entries }) => [
      (row.body as TaskRow).name,
      {
        version: row.version,
        body: row.body as TaskRow,
        places: entries.map(({ index, partition, sort }) => `${index} ${partition} ${sort}`),
      },
    ]),
  )
}
const placesOf = (rows: ReturnType<typeof rowsAfter>, name: string) => rows.get(name)?.places

describe('tasks', () => {
  const two = [{ name: 'one' }, { name: 'two', bench: 1, needs: ['one'] }]

  test('stand in the order of the plan, and what is ready on its bench, under its reservation', () => {
    const rows = rowsAfter(submit(two, {}, ['b1', 'b2']))
    expect(placesOf(rows, 'one')).toEqual(['execution_tasks_idx e1 0000', `claimable_idx b1 r1/ready/${t0}/e1/0000`])
    expect(placesOf(rows, 'two')).toEqual(['execution_tasks_idx e1 0001'])
  })

  test('that may move stand on every bench of their reservation', () => {
    const rows = rowsAfter(submit([{ name: 'one', relocatable: true }], {}, ['b1', 'b2']))
    expect(placesOf(rows, 'one')?.slice(1)).toEqual([
      `claimable_idx b1 r1/ready/${t0}/e1/0000`,
      `claimable_idx b2 r1/ready/${t0}/e1/0000`,
    ])
  })

  test('that run stand with their session', () => {
    const rows = rowsAfter(submit(two, {}, ['b1', 'b2']), claim('one'))
    expect(placesOf(rows, 'one')).toEqual(['execution_tasks_idx e1 0000', `session_idx w1/1 ${t0}`])
  })

  test('that wait for a retry stand behind what is ready, by when it is due', () => {
    const flaky = [{ name: 'one', retry: { attemptCountMax: 2, backoffMs: 500 } }]
    const rows = rowsAfter(submit(flaky), claim('one'), fail('one', 1, 100))
    expect(placesOf(rows, 'one')?.[1]).toBe(`claimable_idx b1 r1/retry/${at(600)}/e1/0000`)
  })

  test('that ended on a bench stand there by when: of each the last two attempts', () => {
    const flaky = [{ name: 'one', retry: { attemptCountMax: 3, backoffMs: 0 } }]
    const run = [submit(flaky), claim('one'), fail('one', 1, 1), claim('one', 2), fail('one', 2, 3), claim('one', 4)]
    const ended = placesOf(rowsAfter(...run, complete('one', 3, 5)), 'one')?.slice(1)
    expect(ended).toEqual([`bench_attempts_idx b1 ${at(3)}/0000000007`, `bench_attempts_idx b1 ${at(5)}/0000000010`])
  })

  test('keep what their attempts reported, and the version of what last touched them', () => {
    const rows = rowsAfter(submit(two, {}, ['b1', 'b2']), claim('one'), fail('one', 1, 7))
    expect(rows.get('one')?.body.attempts).toEqual([
      {
        attempt: 1,
        status: 'failed',
        workerId: 'w1',
        epoch: 1,
        benchId: 'b1',
        startedAt: t0,
        endedAt: at(7),
        endedVersion: 4,
        infrastructure: false,
        reason: 'exit 1',
        artifacts: [],
      },
    ])
    expect([rows.get('one')?.version, rows.get('two')?.version]).toEqual([4, 5])
  })

  test('that are only counted anew keep their version: of three needs one has passed', () => {
    const needy = [{ name: 'a' }, { name: 'b' }, { name: 'z', needs: ['a', 'b'] }]
    const rows = rowsAfter(submit(needy), claim('a'), complete('a'))
    expect(rows.get('z')).toMatchObject({ version: 1, body: { status: 'pending' } })
  })
})

describe('what is asked of the claimable', () => {
  const sortOf = (status: string, instant: string, id: string, place = '0000') =>
    `r1/${status}/${instant}/${id}/${place}`
  const isIn = ({ from, to }: { from: string; to: string }, sort: string) => from <= sort && sort <= to

  test('is one reservation’s: not that of another whose id begins alike', () => {
    expect(isIn(claimableRange('r1', t0), sortOf('ready', t0, 'e1'))).toBe(true)
    for (const other of ['r10', 'r1-', 'r1_', 'r', 'r2', 'R1'])
      expect(isIn(claimableRange(other, t0), sortOf('ready', t0, 'e1'))).toBe(false)
  })

  test('is what is due, the instant itself included; and what will be', () => {
    const [now, later] = [sortOf('retry', at(5), 'e1'), sortOf('retry', at(6), 'e1')]
    expect([isIn(claimableRange('r1', at(5)), now), isIn(claimableRange('r1', at(5)), later)]).toEqual([true, false])
    expect([isIn(laterRetries('r1', at(5)), now), isIn(laterRetries('r1', at(5)), later)]).toEqual([false, true])
    expect(sortOf('ready', at(9), 'e9') < now).toBe(true)
  })

  test('goes on after all of an execution, and before any other', () => {
    const beyond = readyAfter({ reservationId: 'r1', submittedAt: t0, executionId: 'e1' } as TaskRow)
    expect(sortOf('ready', t0, 'e1', '0999') < beyond).toBe(true)
    for (const other of ['e10', 'e1A', 'e1_', 'e2', 'f']) expect(sortOf('ready', t0, other) >= beyond).toBe(true)
    for (const earlier of ['e1-9', 'e0', 'E1'])
      expect(sortOf('ready', t0, earlier) < sortOf('ready', t0, 'e1')).toBe(true)
  })
})
