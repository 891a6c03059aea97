import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ClockRow, openSharedLeaseClock } from '../../infra/sharedLeaseClock.ts'

const startAt = '2026-03-02T08:00:00.000Z'
const startMs = Date.parse(startAt)
const stepMsMax = 2_000

/** Some servers, one row, and a time that passes for all of them alike. */
const opened = (serverCount: number) => {
  let nowMs = 7_000
  let written: Awaited<ReturnType<ClockRow['read']>>
  const row: ClockRow = {
    read: async () => written,
    keep: async (seen, next) => {
      if (written?.turn !== seen?.turn) return undefined
      written = { ...next, turn: (written?.turn ?? 0) + 1 }
      return written
    },
  }
  const servers = Array.from({ length: serverCount }, (_, n) =>
    openSharedLeaseClock({ row, serverId: `s${n}`, startAt, monotonicMs: () => nowMs, stepMsMax }),
  )
  const pass = (ms: number): void => {
    nowMs += ms
  }
  /** Each turns four times in a step. */
  const run = async (ms: number, running = servers): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 500) {
      pass(500)
      for (const server of running) await server.turn()
    }
  }
  const at = (n: number): number => (servers[n]?.judging.read() ?? Number.NaN) - startMs
  const givenAt = (n: number): number => (servers[n]?.giving.read() ?? Number.NaN) - startMs
  return { servers, pass, run, at, givenAt }
}

test('of several servers one keeps the clock, and the others go with it, a little ahead', async () => {
  const { servers, run, at, givenAt } = opened(3)
  await run(500)
  const roles = await Promise.all(servers.map((server) => server.turn()))
  expect(roles).toEqual([true, false, false])
  const before = at(0)
  await run(60_000)
  expect(at(0) - before).toBe(60_000)
  for (const n of [0, 1, 2]) {
    expect(givenAt(n)).toBeGreaterThanOrEqual(at(0))
    expect(givenAt(n) - at(0)).toBeLessThanOrEqual(stepMsMax)
  }
})

test('while its keeper is away the clock stands still, and goes on where it was for who takes it over', async () => {
  const { servers, run, at } = opened(2)
  await run(10_000)
  const before = at(0)
  const [first, second] = [servers[0]!, servers[1]!]
  await run(3_000, [second])
  expect(await second.turn()).toBe(false)
  await run(2_000, [second])
  expect(await second.turn()).toBe(true)
  expect(at(1) - before).toBeLessThanOrEqual(stepMsMax)
  expect(await first.turn()).toBe(false)
  await run(20_000)
  expect(await first.turn()).toBe(false)
  expect(at(1) - before).toBeLessThanOrEqual(20_000 + stepMsMax)
})

test('all away at once: the clock has stood still when they are back', async () => {
  const { run, pass, at } = opened(2)
  await run(10_000)
  const before = at(0)
  pass(300_000)
  expect(at(0) - before).toBeLessThanOrEqual(stepMsMax)
  await run(1_000)
  expect(at(0) - before).toBeLessThanOrEqual(stepMsMax)
})

test('a server that has paused gives longer leases, never shorter', async () => {
  const { servers, run, at, givenAt } = opened(2)
  await run(10_000)
  for (const paused of [0, 1]) {
    await run(60_000, [servers[1 - paused]!])
    expect(givenAt(paused)).toBeGreaterThanOrEqual(at(1 - paused))
    await run(1_000)
    expect(givenAt(paused) - at(1 - paused)).toBeLessThanOrEqual(2 * stepMsMax)
  }
})

test('whoever turns when, no server gives time that is behind the one that judges, and neither goes back', async () => {
  const steps = fc.array(fc.record({ ms: fc.nat(1_500), server: fc.nat(3), turns: fc.boolean() }), { maxLength: 200 })
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { servers, pass, at, givenAt } = opened(4)
      for (const server of servers) await server.turn()
      let keeper = 0
      let keptMs = 0
      for (const { ms, server, turns } of all) {
        pass(ms)
        if (turns && (await servers[server]?.turn()) === true && server !== keeper) [keeper, keptMs] = [server, 0]
        const own = at(keeper)
        expect(own).toBeGreaterThanOrEqual(keptMs)
        keptMs = own
        for (let n = 0; n < servers.length; n++) expect(givenAt(n)).toBeGreaterThanOrEqual(own)
      }
    }),
    { numRuns: 300 },
  )
})
