import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ClockRow, openSharedLeaseClock } from '../../infra/shared/leaseClock.ts'

const startAt = '2026-03-02T08:00:00.000Z'
const startMs = Date.parse(startAt)
const stepMsMax = 2_000

/** Some servers, one row, and a time that passes for all of them alike. */
const opened = (serverCount: number, keeps: (n: number) => boolean = () => true) => {
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
    openSharedLeaseClock({ row, serverId: `s${n}`, startAt, monotonicMs: () => nowMs, stepMsMax, keeps: keeps(n) }),
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

test('a clock that is handed over is taken at the next look, and goes on where it was', async () => {
  const { servers, run, at } = opened(2)
  const [first, second] = [servers[0]!, servers[1]!]
  await run(10_000)
  const before = at(0)
  await first.handOver()
  expect(await second.turn()).toBe(true)
  expect(at(1) - before).toBeLessThanOrEqual(stepMsMax / 2)
  expect(await first.turn()).toBe(false)
  await first.handOver()
  expect(await second.turn()).toBe(true)
})

test('a server that is not to keep the clock follows it, and takes it from nobody', async () => {
  const { servers, run, at, givenAt } = opened(2, (n) => n === 0)
  const second = servers[1]!
  expect(await second.turn()).toBe(false)
  await run(10_000)
  expect(givenAt(1)).toBeGreaterThanOrEqual(at(0))
  await run(60_000, [second])
  expect(await second.turn()).toBe(false)
})

test('who was away looks at the clock before giving time by it, and else does not', async () => {
  const { servers, run, pass, at, givenAt } = opened(2)
  await run(10_000)
  const [first, second] = [servers[0]!, servers[1]!]
  await run(60_000, [first])
  pass(-500)
  await second.lookIfAway()
  expect(givenAt(1)).toBeGreaterThanOrEqual(at(0))
  expect(givenAt(1) - at(0)).toBeLessThanOrEqual(stepMsMax)
  const given = givenAt(1)
  await run(500, [first])
  await second.lookIfAway()
  expect(givenAt(1)).toBe(given + 500)
})

test('that somebody keeps the clock is known by its going on', async () => {
  const { servers, run, pass } = opened(2)
  const [first, second] = [servers[0]!, servers[1]!]
  await first.turn()
  await second.turn()
  expect([first.isKept(), second.isKept()]).toEqual([true, false])
  await run(1_000)
  expect(second.isKept()).toBe(true)
  pass(2 * stepMsMax + 1)
  expect(second.isKept()).toBe(false)
  await second.turn()
  expect(second.isKept()).toBe(true)
})

test('turns that overlap are one, and take the clock from nobody', async () => {
  const { servers, run } = opened(1)
  await run(1_000)
  expect(await Promise.all([1, 2, 3].map(async () => servers[0]!.turn()))).toEqual([true, true, true])
})

test('a keeper that cannot write the clock does not say for long that it is kept', async () => {
  const { servers, run, pass } = opened(1)
  await run(2_000)
  pass(2 * stepMsMax)
  expect(servers[0]?.isKept()).toBe(true)
  pass(1)
  expect(servers[0]?.isKept()).toBe(false)
  await servers[0]?.turn()
  expect(servers[0]?.isKept()).toBe(true)
})
