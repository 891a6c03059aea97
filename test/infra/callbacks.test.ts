import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { newSecret } from '../../adapters/webhooks/signature.ts'
import type { CallbackOptions } from '../../infra/callbacks/callbacks.ts'
import { numbers, openHouses, openLines, type Voiced } from './house.ts'
import { isSignedBy, openReceiver } from './receiver.ts'

const { open, fresh } = openHouses()
const secret = newSecret()
const quick = (more: Partial<CallbackOptions> = {}): CallbackOptions => ({
  secret: () => secret,
  pausesMs: [10, 10, 10],
  ...more,
})

/** A house with a bench that is booked, in which executions can be cancelled: that ends them. */
const booked = async (given: Promise<Voiced>): Promise<Voiced> => {
  const voiced = await given
  await voiced.bench('b1')
  await voiced.book('r1', 'b1')
  return voiced
}
const submit = ({ done }: Voiced, id: string, callback?: object) =>
  done('execution', id, 'SubmitExecution', {
    reservationId: 'r1',
    tasks: [{ name: 'a', run: {} }],
    ...(callback === undefined ? {} : { callback }),
  })
const finish = async (voiced: Voiced, id: string, callback?: object): Promise<void> => {
  await submit(voiced, id, callback)
  await voiced.done('execution', id, 'CancelExecution', {})
}
const counts = ({ house }: Voiced) => {
  const all = numbers(house)
  return {
    delivered: all['benchplane_callbacks_delivered_total'],
    failed: all['benchplane_callback_failures_total'],
    dead: all['benchplane_callbacks_dead_total'],
    pending: all['benchplane_callbacks_pending'],
  }
}

describe.each(['memory', 'sqlite'] as const)('callbacks in %s', (store) => {
  test('an execution that ends is told to who asked for it: once, signed, as the event that it is', async () => {
    const receiver = await openReceiver()
    const voiced = await booked(open({ store, callbacks: quick() }))
    await finish(voiced, 'e1', { url: receiver.url })
    await finish(voiced, 'e2')
    await vi.waitFor(() => expect(counts(voiced)).toEqual({ delivered: 1, failed: 0, dead: 0, pending: 0 }))
    const [received] = receiver.got
    expect(receiver.got).toHaveLength(1)
    expect(received && isSignedBy(secret, received)).toBe(true)
    expect(received && isSignedBy(newSecret(), received)).toBe(false)
    expect(received?.headers['content-type']).toContain('application/cloudevents+json')
    expect(received?.headers['webhook-id']).toBe(received?.event.id)
    expect(Math.abs(Number(received?.headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(60)
    expect(received?.event).toMatchObject({
      specversion: '1.0',
      source: 'benchplane/default',
      type: 'benchplane.ExecutionFinished',
      subject: 'execution/e1',
      data: { verdict: 'cancelled', reservationId: 'r1', callback: { url: receiver.url } },
    })
  })

  test('each end of an execution that is driven again is told', async () => {
    const receiver = await openReceiver()
    const voiced = await booked(open({ store, callbacks: quick() }))
    await finish(voiced, 'e1', { url: receiver.url })
    await voiced.done('execution', 'e1', 'RedriveExecution')
    await voiced.done('execution', 'e1', 'CancelExecution', {})
    await vi.waitFor(() => expect(receiver.got).toHaveLength(2))
    expect(new Set(receiver.got.map(({ event }) => event.id)).size).toBe(2)
  })

  test('who fails, or sends it elsewhere, is tried again with the same id', async () => {
    const statuses = [500, 302, 200]
    const receiver = await openReceiver((_, response) => {
      response.writeHead(statuses.shift() ?? 200, { location: '/elsewhere' }).end('x'.repeat(100_000))
    })
    const voiced = await booked(open({ store, callbacks: quick() }))
    await finish(voiced, 'e1', { url: receiver.url })
    await vi.waitFor(() => expect(counts(voiced)).toEqual({ delivered: 1, failed: 2, dead: 0, pending: 0 }))
    expect(receiver.got).toHaveLength(3)
    expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(new Set(receiver.got.map(({ body }) => body)).size).toBe(1)
  })

  test('who is not there yet gets it when it is', async () => {
    const first = await openReceiver()
    await first.close()
    const voiced = await booked(open({ store, callbacks: quick({ pausesMs: Array.from({ length: 500 }, () => 20) }) }))
    await finish(voiced, 'e1', { url: first.url })
    await vi.waitFor(() => expect(counts(voiced).failed).toBeGreaterThan(1))
    const receiver = await openReceiver(undefined, first.port)
    await vi.waitFor(() => expect(receiver.got).toHaveLength(1))
    await vi.waitFor(() => expect(counts(voiced)).toMatchObject({ delivered: 1, dead: 0, pending: 0 }))
  })

  test('after the last attempt it is given up, told with its correlation id', async () => {
    const { lines, log } = openLines()
    const receiver = await openReceiver((_, response) => response.writeHead(503).end())
    const voiced = await booked(open({ store, log, callbacks: quick() }))
    await finish(voiced, 'e1', { url: receiver.url })
    await vi.waitFor(() => expect(counts(voiced)).toEqual({ delivered: 0, failed: 4, dead: 1, pending: 0 }))
    expect(receiver.got).toHaveLength(4)
    const given = lines.filter(({ level }) => level === 'error')
    expect(given).toMatchObject([
      { message: 'a callback was given up', correlationId: 'about-e1', error: 'answered 503' },
    ])
  })

  test('who is gone for good is not asked again, and where none may go none is sent', async () => {
    const receiver = await openReceiver((_, response) => response.writeHead(410).end())
    const voiced = await booked(open({ store, callbacks: quick({ hosts: [`127.0.0.1:${receiver.port}`] }) }))
    await finish(voiced, 'e1', { url: receiver.url })
    await finish(voiced, 'e2', { url: 'http://localhost:1/hook' })
    await vi.waitFor(() => expect(counts(voiced)).toEqual({ delivered: 0, failed: 2, dead: 2, pending: 0 }))
    expect(receiver.got).toHaveLength(1)
  })

  test('one who does not answer holds nobody else up', async () => {
    const stuck = await openReceiver(() => {})
    const receiver = await openReceiver()
    const voiced = await booked(open({ store, callbacks: quick({ timeoutMs: 5_000 }) }))
    for (let n = 0; n < 12; n++) await finish(voiced, `s${n}`, { url: stuck.url })
    for (let n = 0; n < 12; n++) await finish(voiced, `e${n}`, { url: receiver.url })
    await vi.waitFor(() => expect(receiver.got).toHaveLength(12))
    expect(stuck.got).toHaveLength(2)
    expect(counts(voiced)).toMatchObject({ delivered: 12, pending: 12 })
  })

  test('a receiver that asks for patience is given it', async () => {
    const receiver = await openReceiver((_, response) => {
      response.writeHead(receiver.got.length === 1 ? 429 : 200, { 'retry-after': '1' }).end()
    })
    const voiced = await booked(open({ store, callbacks: quick() }))
    const startedAt = performance.now()
    await finish(voiced, 'e1', { url: receiver.url })
    await vi.waitFor(() => expect(receiver.got).toHaveLength(2), 5_000)
    expect(performance.now() - startedAt).toBeGreaterThan(900)
  })

  test('a task token is kept in history, and not taken for sent', async () => {
    const { lines, log } = openLines()
    const voiced = await booked(open({ store, log, callbacks: quick() }))
    await finish(voiced, 'e1', { taskToken: 'AAAA.BBBB' })
    await vi.waitFor(() => expect(lines.filter(({ message }) => message.startsWith('a task token'))).toHaveLength(1))
    const commits = await voiced.services.history.load('default/execution/e1')
    const events = commits.flatMap((commit) => commit.events)
    expect(events[0]?.data).toMatchObject({ callback: { taskToken: 'AAAA.BBBB' } })
    expect(events.at(-1)?.data).toMatchObject({ callback: { taskToken: 'AAAA.BBBB' } })
    expect(counts(voiced)).toEqual({ delivered: 0, failed: 0, dead: 0, pending: 0 })
  })

  test('many at once all arrive, each once', async () => {
    const receivers = await Promise.all([1, 2, 3].map(() => openReceiver()))
    const voiced = await booked(open({ store, callbacks: quick() }))
    await Promise.all(Array.from({ length: 60 }, (_, n) => finish(voiced, `e${n}`, { url: receivers[n % 3]?.url })))
    await vi.waitFor(() => expect(counts(voiced)).toEqual({ delivered: 60, failed: 0, dead: 0, pending: 0 }), 5_000)
    const ids = receivers.flatMap(({ got }) => got.map(({ event }) => event.id))
    expect([ids.length, new Set(ids).size]).toEqual([60, 60])
  })
})

describe('a house that is opened again', () => {
  test('sends what was not taken before it was closed, and nothing twice that was', async () => {
    const directory = fresh()
    const down = await openReceiver((_, response) => response.writeHead(500).end())
    const up = await openReceiver()
    const patient = quick({ pausesMs: [60_000, 60_000] })
    const first = await booked(open({ store: 'sqlite', directory, callbacks: patient }))
    await finish(first, 'e1', { url: up.url })
    await finish(first, 'e2', { url: down.url })
    await vi.waitFor(() => expect(counts(first)).toMatchObject({ delivered: 1, failed: 1, pending: 1 }))
    await first.house.close()
    const second = await open({ store: 'sqlite', directory, callbacks: patient })
    await vi.waitFor(() => expect(counts(second)).toMatchObject({ delivered: 0, pending: 1 }))
    await second.house.close()
    // Its time has come by the clock of the third.
    const now = (): string => new Date(Date.now() + 120_000).toISOString()
    await down.close()
    const again = await openReceiver(undefined, down.port)
    const third = await open({ store: 'sqlite', directory, callbacks: patient, now })
    await vi.waitFor(() => expect(counts(third)).toMatchObject({ delivered: 1, pending: 0 }))
    expect(again.got.map(({ event }) => event)).toMatchObject([{ subject: 'execution/e2' }])
    expect(up.got).toHaveLength(1)
  })

  test('notes what ended while nobody noted it', async () => {
    const directory = fresh()
    const receiver = await openReceiver()
    const without = await booked(open({ store: 'sqlite', directory }))
    await finish(without, 'e1', { url: receiver.url })
    await without.house.close()
    const second = await open({ store: 'sqlite', directory, callbacks: quick() })
    await vi.waitFor(() => expect(counts(second)).toMatchObject({ delivered: 1, pending: 0 }))
    expect(receiver.got).toHaveLength(1)
  })

  test('whose views are lost sends what ended of late again, and nothing of long ago', async () => {
    const directory = fresh()
    const receiver = await openReceiver()
    const ago = (hours: number) => (): string => new Date(Date.now() - hours * 3_600_000).toISOString()
    const old = await booked(open({ store: 'sqlite', directory, callbacks: quick(), now: ago(50) }))
    await finish(old, 'e1', { url: receiver.url })
    await vi.waitFor(() => expect(receiver.got).toHaveLength(1))
    await old.house.close()
    const recent = await open({ store: 'sqlite', directory, callbacks: quick(), now: ago(2) })
    await recent.bench('b2')
    await recent.book('r2', 'b2')
    const tasks = [{ name: 'a', run: {} }]
    await recent.done('execution', 'e2', 'SubmitExecution', {
      reservationId: 'r2',
      tasks,
      callback: { url: receiver.url },
    })
    await recent.done('execution', 'e2', 'CancelExecution', {})
    await vi.waitFor(() => expect(receiver.got).toHaveLength(2))
    await recent.house.close()
    for (const name of readdirSync(directory)) if (name.startsWith('views')) rmSync(join(directory, name))
    const { lines, log } = openLines()
    const last = await open({ store: 'sqlite', directory, callbacks: quick(), log })
    await vi.waitFor(() => expect(counts(last)).toMatchObject({ delivered: 1, pending: 0 }))
    await last.house.settled()
    expect(receiver.got.map(({ event }) => event)).toMatchObject([
      { subject: 'execution/e1' },
      { subject: 'execution/e2' },
      { subject: 'execution/e2' },
    ])
    expect(lines.filter(({ message }) => message === 'a callback of long ago is not sent')).toHaveLength(1)
  })

  test('what is owed survives a rebuild of the views, and what was sent is not sent again', async () => {
    const up = await openReceiver()
    const down = await openReceiver((_, response) => response.writeHead(500).end())
    const patient = quick({ pausesMs: [1_500, 60_000] })
    const voiced = await booked(open({ store: 'sqlite', callbacks: patient }))
    await finish(voiced, 'e1', { url: up.url })
    await finish(voiced, 'e2', { url: down.url })
    await vi.waitFor(() => expect(counts(voiced)).toMatchObject({ delivered: 1, failed: 1 }))
    await voiced.house.rebuild()
    await finish(voiced, 'e3', { url: up.url })
    await vi.waitFor(() => expect(counts(voiced)).toMatchObject({ delivered: 2, failed: 2, pending: 1 }), 5_000)
    expect([up.got.length, down.got.length]).toEqual([2, 2])
  })
})
