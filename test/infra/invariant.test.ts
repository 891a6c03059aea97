import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FeedCommit } from '../../domain/ports.ts'
import { act, anyCommand, drained, furnish } from './commands.ts'
import { foldedRows, openHouses, openTime, shownRows, type Voiced } from './house.ts'

const { open } = openHouses()

/** Delivers every page more or less as it likes. */
const disorderly = (seed: number) => {
  let state = seed
  const dice = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) >> 8
  return (page: readonly FeedCommit[]) =>
    [...page, ...page.filter(() => dice() % 3 === 0)].toSorted(() => (dice() % 3) - 1)
}

/** Both, when nothing was appended in between. */
const shownAndFolded = async (all: Voiced) => {
  for (;;) {
    const end = await all.services.history.feedEnd()
    await drained(all)
    const [shown, folded] = [await shownRows(all), await foldedRows(all.services.history)]
    if ((await all.services.history.feedEnd()) === end) return { shown, folded }
  }
}

describe.each([
  ['memory', 200],
  ['sqlite', 40],
] as const)('invariant 8 on %s', (store, numRuns) => {
  const title = 'every view equals the fold of its history, whatever was commanded and however it was delivered'
  test(title, { timeout: 60_000 }, async () => {
    const anyCommands = fc.array(anyCommand, { minLength: 5, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(anyCommands, fc.integer(), async (commands, seed) => {
        const time = openTime()
        const all = await open({ store, now: time.now, disorder: disorderly(seed) })
        await furnish(all)
        for (const command of commands) await act(all, time, command)
        const { shown, folded } = await shownAndFolded(all)
        expect(shown).toEqual(folded)
        if (store === 'memory') expect((await all.services.verify(undefined)).ok).toBe(true)
        await all.house.close()
      }),
      { numRuns, plugins: [fc.interruptAfterTimeLimit(30_000)] },
    )
  })
})
