import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRejection } from '../../domain/decider.ts'
import { decider } from '../../domain/execution/decide.ts'
import { isEnded } from '../../domain/execution/readiness.ts'
import type { Execution } from '../../domain/execution/state.ts'
import { executionStory } from './arbitraries.ts'
import { after, cancel, claim, complete, fail, stateAfter, statuses, submit } from './executionStory.ts'

/** The long way: every task looks at all its needs. */
const expectCounted = ({ tasks, openTaskCount, status }: Execution): void => {
  const byName = new Map(tasks.map((task) => [task.name, task]))
  expect(openTaskCount).toBe(tasks.filter((task) => !isEnded(task)).length)
  for (const task of tasks) {
    const needs = [...new Set(task.needs)].flatMap((name) => byName.get(name) ?? [])
    expect(task.openNeedCount).toBe(needs.filter((need) => !isEnded(need)).length)
    const isRunnable =
      task.runs === 'always'
        ? needs.every(isEnded)
        : status !== 'cancelling' && needs.every((need) => need.status === 'passed')
    if (task.status === 'pending' && status !== 'finished') expect([task.name, isRunnable]).toEqual([task.name, false])
    if (task.status === 'ready') expect(needs.every(isEnded)).toBe(true)
  }
}

describe('readiness', () => {
  test('is, after anything, what one finds who looks at all tasks and all their needs', () => {
    let told = 0
    fc.assert(
      fc.property(executionStory, (commands) => {
        let state = decider.initial
        let version = 0
        for (const command of commands) {
          const answer = decider.decide(state, command)
          if (isRejection(answer)) continue
          for (const event of answer) state = decider.evolve(state, { ...event, version: ++version, at: command.at })
          if (answer.length > 0 && state.status !== 'absent') expectCounted(state)
          told += answer.length
        }
      }),
      { numRuns: 500 },
    )
    expect(told).toBeGreaterThan(1_000)
  })

  test('what always runs waits while a need of it is tried again', () => {
    const plan = [
      { name: 'a', retry: { attemptCountMax: 2, backoffMs: 1_000 } },
      { name: 'z', needs: ['a'], runs: 'always' },
    ]
    const failedOnce = [submit(plan), claim('a'), fail('a')]
    expect(statuses(stateAfter(...failedOnce))).toEqual({ a: 'waiting-retry', z: 'pending' })
    expect(statuses(stateAfter(...failedOnce, claim('a', 5_000), fail('a', 2, 5_001)))).toEqual({
      a: 'failed',
      z: 'ready',
    })
  })

  test('a need that is named twice counts once', () => {
    const plan = [{ name: 'a' }, { name: 'z', needs: ['a', 'a'] }]
    expect(statuses(stateAfter(submit(plan), claim('a'), complete('a')))).toEqual({ a: 'passed', z: 'ready' })
  })

  test('what is stranded is skipped once, with the need that broke, however the plan is ordered', () => {
    const plan = [
      { name: 'd', needs: ['c', 'b'] },
      { name: 'c', needs: ['b'] },
      { name: 'b', needs: ['a'] },
      { name: 'a' },
      { name: 'other' },
    ]
    const skips = after(submit(plan), claim('a'), fail('a')).filter(({ type }) => type === 'TaskSkipped')
    expect(skips.map(({ data }) => data)).toEqual([
      { taskName: 'b', because: 'a was failed' },
      { taskName: 'd', because: 'b was skipped' },
      { taskName: 'c', because: 'b was skipped' },
    ])
  })

  test('a failure in the middle of a plan leaves what was stranded before', () => {
    const plan = [{ name: 'a' }, { name: 'b' }, { name: 'y', needs: ['a', 'b'] }, { name: 'z', needs: ['b'] }]
    const skips = after(submit(plan), claim('a'), fail('a'), claim('b'), fail('b')).filter(
      ({ type }) => type === 'TaskSkipped',
    )
    expect(skips.map(({ data }) => (data as { taskName: string }).taskName)).toEqual(['y', 'z'])
  })

  test('a cancelled plan skips what waits in the order of the plan, and lets run what always does', () => {
    const plan = [{ name: 'a' }, { name: 'b', needs: ['a'] }, { name: 'z', needs: ['b'], runs: 'always' }]
    expect(statuses(stateAfter(submit(plan), cancel()))).toEqual({ a: 'skipped', b: 'skipped', z: 'ready' })
  })

  const chain = Array.from({ length: 1_000 }, (_, n) => ({ name: `t${n}`, needs: n === 0 ? [] : [`t${n - 1}`] }))

  test('an event of a plan of a thousand tasks leaves all tasks as they are but those it concerns', () => {
    const before = stateAfter(submit(chain), claim('t0'))
    const passed = decider.decide(before, complete('t0'))
    if (isRejection(passed)) throw new Error(passed.rejection)
    const state = passed.reduce<ReturnType<typeof decider.evolve>>(
      (folded, event) => decider.evolve(folded, { ...event, version: 4, at: '2026-03-01T09:00:00.001Z' }),
      before,
    ) as Execution
    const touched = state.tasks.filter((task, place) => task !== before.tasks[place])
    expect(touched.map(({ name, status }) => [name, status])).toEqual([
      ['t0', 'passed'],
      ['t1', 'ready'],
    ])
  })

  test('the first failure of a chain of a thousand skips the rest, one event each', () => {
    const events = after(submit(chain), claim('t0'), fail('t0'))
    expect(events.filter(({ type }) => type === 'TaskSkipped')).toHaveLength(999)
    expect(events.at(-1)).toMatchObject({ type: 'ExecutionFinished', data: { verdict: 'failed' } })
  })

  test('a state that was written elsewhere, and read, goes on as it would have', () => {
    const state = stateAfter(submit(chain.slice(0, 3)), claim('t0'))
    const read = structuredClone(state)
    const one = decider.decide(state, complete('t0'))
    if (isRejection(one)) throw new Error(one.rejection)
    expect(decider.decide(read, complete('t0'))).toEqual(one)
    const happened = one.map((event) => ({ ...event, version: 4, at: '2026-03-01T09:00:00.001Z' }))
    const [ended] = happened
    if (ended === undefined) throw new Error('nothing has happened')
    expect(decider.evolve(read, ended)).toEqual(decider.evolve(state, ended))
  })
})
