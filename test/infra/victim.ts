/** A house at work in a process of its own, for a test to kill: `node victim.ts DIRECTORY ROUND`. Tells when it is at it. */
import { openHouse } from '../../infra/local.ts'
import { voiced } from './house.ts'

const [directory = '', round = ''] = process.argv.slice(2)
const { house, send } = voiced(await openHouse({ store: 'sqlite', directory }))

const lane = async (n: number): Promise<void> => {
  await send('bench', `b${n}`, 'RegisterBench', { benchId: `b${n}`, type: 'hil', capabilities: [`lane=${n}`] })
  for (let k = 0; ; k++) {
    const id = `r${round}-${n}-${k}`
    const benches = [k % 3 === 0 ? { query: [`lane=${n}`] } : { benchId: `b${n}` }]
    await send('reservation', id, 'RequestReservation', {
      holder: 'ada',
      benches,
      durationMs: 1_000,
      queue: true,
      latestStart: '2100-01-01T00:00:00Z',
    })
    if (k % 2 === 0) await send('reservation', id, 'CancelReservation')
    if (k === 5 && n === 0) process.stdout.write('at work\n')
    if (k === 8 && n === 1) void house.rebuild()
  }
}

await Promise.all([0, 1, 2, 3].map(lane))
