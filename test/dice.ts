/** Numbers from 0 up to 1, the same for the same seed. */
export type Dice = () => number

/** Dice whose seed is told with whatever fails: `BENCHPLANE_TEST_SEED=…` throws the same again. */
export const openDice = (seed = Number(process.env['BENCHPLANE_TEST_SEED'] ?? Date.now() % 2 ** 31)) => {
  let state = seed >>> 0
  const next: Dice = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    seed,
    next,
    /** One of them. */
    pick: <Item>(items: readonly Item[]): Item => {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
    /** Does it; a failure says where it was, and the seed. */
    telling: async (where: string, act: () => Promise<void>): Promise<void> => {
      try {
        await act()
      } catch (error) {
        if (error instanceof Error) error.message = `${where} (seed ${seed}): ${error.message}`
        throw error
      }
    },
  }
}
