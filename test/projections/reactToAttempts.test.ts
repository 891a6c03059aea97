import { describe, expect, test } from 'vitest'
import { openViews } from '../../adapters/memory/views.ts'
import type { Commit } from '../../domain/event.ts'
import type { ExecutionCommand } from '../../domain/execution/decide.ts'
import { openFolds } from '../../projections/folds.ts'
import { project } from '../../projections/project.ts'
import { reactionsTo } from '../../projections/react.ts'
import { after, at, claim, complete, fail, type Plan, submit } from '../domain/executionStory.ts'

const commit = (stream: string, version: number, events: readonly { type: string; data: unknown }[]): Commit => ({
  stream,
  version,
  events: events.map(({ type, data }) => ({ type, schemaVersion: 1, data })),
  at: at(0),
  actor: { kind: 'user', id: 'ada' },
  commandId: 'c',
  commandHash: 'h',
  correlationId: 'x',
  previousHash: null,
  hash: 'x',
})

/** Views of executions that went so far. */
const viewsAfter = async (executions: Readonly<Record<string, readonly ExecutionCommand[]>>) => {
  const views = openViews()
  const ports = { views, folds: openFolds<unknown>(), load: async () => [] }
  for (const [id, commands] of Object.entries(executions))
    for (const [index, event] of after(...commands).entries())
      await project(ports, [{ ...commit(`default/execution/${id}`, index + 1, [event]), at: event.at }])
  const questions: string[] = []
  const query: typeof views.query = (question) => {
    questions.push(`${question.view} ${question.index} ${question.limit}`)
    return views.query(question)
  }
  return { views: { read: views.read, query }, questions }
}

const many: Plan[] = Array.from({ length: 1_000 }, (_, n) => ({ name: `t${n}` }))

describe('policies ask of attempts', () => {
  test('those that a session runs, out of many tasks and executions: they are lost with it', async () => {
    const { views } = await viewsAfter({
      e1: [submit(many), claim('t3'), claim('t7'), complete('t7')],
      e2: [submit([{ name: 'a' }]), claim('a')],
      e3: [submit([{ name: 'b' }])],
    })
    const closed = [{ type: 'WorkerSessionClosed', data: { epoch: 1, reason: 'superseded' } }]
    const lost = await reactionsTo(views, [commit('default/worker/w1', 3, closed)])
    expect(lost.filter(({ type }) => type === 'LoseAttempt').map(({ id, data }) => ({ id, data }))).toEqual([
      { id: 'e1', data: { taskName: 't3', attempt: 1, workerId: 'w1', epoch: 1, reason: 'its worker started anew' } },
      { id: 'e2', data: { taskName: 'a', attempt: 1, workerId: 'w1', epoch: 1, reason: 'its worker started anew' } },
    ])
    const others = [{ type: 'WorkerSessionClosed', data: { epoch: 2, reason: 'superseded' } }]
    expect(await reactionsTo(views, [commit('default/worker/w1', 4, others)])).toEqual([])
  })

  const failedOn = (benchId: string) => [
    commit('default/execution/e1', 9, [
      { type: 'AttemptFailed', data: { taskName: 'x', attempt: 1, benchId, reason: 'psu', infrastructure: true } },
    ]),
  ]
  const quarantines = async (executions: Parameters<typeof viewsAfter>[0], benchId = 'b1') => {
    const { views, questions } = await viewsAfter(executions)
    const reactions = await reactionsTo(views, failedOn(benchId))
    return { evidence: reactions.map(({ data }) => (data as { evidence: string[] }).evidence), questions }
  }

  test('the last two that ended on a bench, whichever tasks and executions they were of', async () => {
    const { evidence, questions } = await quarantines({
      e1: [submit(many), claim('t0'), complete('t0', 1, 1), claim('t1', 2), fail('t1', 1, 3, true)],
      e2: [submit([{ name: 'a' }]), claim('a', 4), fail('a', 1, 5, true)],
    })
    expect(evidence).toEqual([['execution/e2 a/1', 'execution/e1 t1/1']])
    expect(questions).toEqual(['tasks bench_attempts_idx 2'])
  })

  test('both of one task that was tried twice', async () => {
    const flaky = [{ name: 'a', retry: { attemptCountMax: 5, backoffMs: 0 } }]
    const { evidence } = await quarantines({
      e1: [submit(flaky), claim('a'), fail('a', 1, 1, true), claim('a', 2), fail('a', 2, 3, true)],
    })
    expect(evidence).toEqual([['execution/e1 a/2', 'execution/e1 a/1']])
  })

  test('one that passed in between counts, and so do other benches not', async () => {
    const between = {
      e1: [submit(many.slice(0, 3)), claim('t0'), fail('t0', 1, 1, true), claim('t1', 2), complete('t1', 1, 3)],
      e2: [submit([{ name: 'a' }]), claim('a', 4), fail('a', 1, 5, true)],
    }
    expect((await quarantines(between)).evidence).toEqual([])
    expect((await quarantines(between, 'b2')).evidence).toEqual([])
  })
})
