import { describe, expect, test } from 'vitest'
import { composed } from '../../../adapters/http/composed.ts'
import type { RowPage, ViewRow } from '../../../domain/ports.ts'
import { openDriver, openLab, plan } from './driver.ts'

const head = (version: number, taskCount = 2): ViewRow => ({
  id: 'e1',
  version,
  body: { status: 'running', reservationId: 'r1', benchIds: ['b1'], submittedAt: 'then', taskCount, taskCounts: {} },
})
const task = (name: string, version: number): ViewRow => ({
  id: `e1/${name}`,
  version,
  body: { name, phase: 'test', bench: 0, status: 'ready', needs: [], runs: 'on-success', attempts: [] },
})

/** Views that answer these pages of tasks one after the other, and then these heads. */
const viewsOf = (pages: readonly RowPage[], heads: readonly ViewRow[]) => {
  const [nextPage, nextHead] = [pages.values(), heads.values()]
  return {
    query: async () => nextPage.next().value ?? { rows: [] },
    row: async () => nextHead.next().value,
  }
}

describe('an execution and its tasks', () => {
  test('are read together, in pages', async () => {
    const views = viewsOf([{ rows: [task('a', 1)], nextCursor: 'x' }, { rows: [task('b', 3)] }], [])
    expect(await composed(views, 'default', head(3))).toMatchObject({
      version: 3,
      tasks: [{ name: 'a' }, { name: 'b' }],
    })
  })

  test('are read again when a task is newer: it belongs to what comes next', async () => {
    const rows = [task('a', 5), task('b', 3)]
    const views = viewsOf([{ rows }, { rows }], [head(5)])
    expect(await composed(views, 'default', head(3))).toMatchObject({ version: 5 })
  })

  test('are read again when a task is missing', async () => {
    const views = viewsOf([{ rows: [task('a', 1)] }, { rows: [task('a', 1), task('b', 1)] }], [head(1)])
    expect(await composed(views, 'default', head(1))).toMatchObject({ tasks: [{ name: 'a' }, { name: 'b' }] })
  })

  test('are none when they don’t hold still', async () => {
    const rows = [task('a', 9), task('b', 1)]
    const views = viewsOf([{ rows }, { rows }, { rows }], [head(2), head(3)])
    expect(await composed(views, 'default', head(1))).toBeUndefined()
  })
})

test('what the views can’t show whole is shown as history has it, alone and in lists', async () => {
  const driver = openDriver()
  await openLab(driver)
  await driver.post('/v1/executions', plan('e-1', 'flash', 'drive'))
  await driver.post('/v1/workers/w-1/claim', { epoch: 1 })
  const { views } = driver.house
  const query = views.query.bind(views)
  const whole = await driver.get('/v1/executions/e-1?consistent=true')
  views.query = async (question) => {
    const page = await query(question)
    return question.view === 'tasks' ? { rows: page.rows.slice(1) } : page
  }
  expect((await driver.get('/v1/executions/e-1')).text).toBe(whole.text)
  expect((await driver.get('/v1/executions')).body.items).toEqual([whole.body])
})

test('an execution of a thousand tasks is shown whole, in the order of the plan', async () => {
  const driver = openDriver()
  await openLab(driver)
  const names = Array.from({ length: 1_000 }, (_, n) => `t${n}`)
  const made = await driver.post('/v1/executions', plan('e-1', ...names))
  expect(made.status).toBe(201)
  const { text, body } = await driver.get('/v1/executions/e-1')
  expect(text).toBe(made.text)
  expect((body.tasks as { name: string }[]).map(({ name }) => name)).toEqual(names)
  expect((await driver.get('/v1/executions/e-1/tasks')).body.items).toHaveLength(1_000)
  expect((await driver.get('/v1/executions')).body.items[0].tasks).toHaveLength(1_000)
})
