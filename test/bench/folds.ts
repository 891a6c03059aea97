/** Folding: what a cold load and every replay do. */

import type { Commit } from '../../domain/event.ts'
import { fold } from '../../domain/head.ts'
import { booking, digest, intent, message, openWritePath, registration } from './house.ts'
import { inTemporaryDirectory, median, printRows, whole } from './measure.ts'

const rows = await inTemporaryDirectory(async (directory) => {
  const { store, handle } = openWritePath(directory)
  await handle(message('sample'))
  await handle(registration('b0'))
  const start = Date.now()
  for (let n = 0; n < 2_000; n++) {
    await handle(booking(`r${n}`, n % 200, 1, start + 3_600_000))
    await handle(intent('reservation', `r${n}`, 'CancelReservation', {}))
  }
  const commits: readonly Commit[] = await store.load('default/bench/b0')
  await store.close()
  const rates = Array.from({ length: 15 }, () => {
    const begin = performance.now()
    fold('default/bench/b0', commits, digest)
    return (commits.length / (performance.now() - begin)) * 1_000
  })
  const rate = median(rates.slice(5))
  return [
    {
      what: `fold of a bench with ${whole(commits.length)} events`,
      target: '≥ 300,000 events/s',
      measured: `${whole(rate)} events/s`,
      met: rate >= 300_000,
    },
  ]
})
printRows(rows)
