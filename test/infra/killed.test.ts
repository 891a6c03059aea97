import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { foldedRows, openHouses, shownRows, until } from './house.ts'

const { open, fresh } = openHouses()
const victim = new URL('victim.ts', import.meta.url).pathname

test('killed again and again, at work and while rebuilding, the house comes back to what history says', {
  timeout: 60_000,
}, async () => {
  const directory = fresh()
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [victim, directory, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await sleep(round * 15)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const all = await open({ store: 'sqlite', directory })
  const drained = async () => {
    const end = await all.services.history.feedEnd()
    expect(await all.house.settled()).toBe(true)
    const [shown, folded] = [await shownRows(all), await foldedRows(all.services.history)]
    if ((await all.services.history.feedEnd()) !== end) return false
    expect(shown).toEqual(folded)
    return true
  }
  await until(drained)
  expect((await all.services.verify(undefined)).failures).toEqual([])
})
