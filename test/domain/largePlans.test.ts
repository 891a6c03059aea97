import { describe, expect, test } from 'vitest'
import type { CommandFault } from '../../domain/contract.ts'
import { servedLab } from './servedLab.ts'

type Task = { name: string } & Record<string, unknown>
const name = (n: number) => `t${n}`

/** A chain of a thousand: each needs the one before. */
const chain = (): Task[] =>
  Array.from({ length: 1_000 }, (_, n) => ({ name: name(n), needs: n === 0 ? [] : [name(n - 1)] }))

const faultsOf = (tasks: readonly Task[]): readonly CommandFault[] => {
  const answer = servedLab().submit(tasks)
  if (!('rejection' in answer)) throw new Error('it is a plan')
  expect(answer.rejection).toBe('PlanInvalid')
  return answer['errors'] as readonly CommandFault[]
}

describe('a plan of 1 000 tasks', () => {
  test('is taken as a chain, and as one that all others need', () => {
    expect(servedLab().submit(chain())).toHaveLength(1)
    const fan = chain().map((task, n) => ({ ...task, needs: n === 0 ? [] : ['t0'] }))
    expect(servedLab().submit(fan)).toHaveLength(1)
  })
  test('whose last is needed by its first names every step of the circle', () => {
    const [fault, ...others] = faultsOf(chain().with(0, { name: 't0', needs: ['t999'] }))
    expect([fault?.path, others]).toEqual(['tasks', []])
    const steps = fault?.message.replace('the needs go in a circle: ', '').split(' → ')
    expect(steps).toHaveLength(1_001)
    expect([steps?.[0], steps?.at(-1)]).toEqual(['t0', 't0'])
  })
  test('with a small circle far inside names just that one', () => {
    const tasks = chain().with(500, { name: 't500', needs: ['t499', 't502'] })
    expect(faultsOf(tasks)).toEqual([{ path: 'tasks', message: 'the needs go in a circle: t500 → t502 → t501 → t500' }])
  })
  test('a task that needs itself is a circle of one', () =>
    expect(faultsOf(chain().with(999, { name: 't999', needs: ['t999'] }))).toEqual([
      { path: 'tasks', message: 'the needs go in a circle: t999 → t999' },
    ]))
  test('shows every fault at once, each with where it stands', () => {
    const tasks = chain()
      .with(7, { name: 't6' })
      .with(400, { name: 't400', needs: ['t0', 'nope'] })
      .with(999, { name: 't999', bench: 2 })
    expect(faultsOf(tasks)).toEqual([
      { path: 'tasks.7.name', message: 'task t6 is named twice (first as tasks.6)' },
      { path: 'tasks.999.bench', message: 'the reservation has 2 bench(es), counted from 0' },
      { path: 'tasks.8.needs.0', message: 'there is no task t7' },
      { path: 'tasks.400.needs.1', message: 'there is no task nope' },
    ])
  })
  test('one more than that is refused by its schema', () => {
    expect(() => servedLab().submit([...chain(), { name: 't1000' }])).toThrow('tasks')
  })
})
