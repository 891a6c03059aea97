import { benches, minuteMs, type Storm } from './storm.ts'
import { operate, passTime, schedule } from './stormSchedulers.ts'
import { type Worker, work } from './stormWorkers.ts'

const workerCount = 4

/** All of them at once, each for so many steps. */
export const rage = async (storm: Storm, stepCount: number): Promise<void> => {
  const { bench, done } = storm.all
  for (const benchId of benches) await bench(benchId, { capabilities: ['can'], teardownMs: minuteMs })
  const workers = Array.from(
    { length: workerCount },
    (_, n): Worker => ({ id: `w${n}`, epoch: 0, benches: [], isOver: false, held: [] }),
  )
  for (const { id } of workers) await done('worker', id, 'EnrolWorker')
  const repeat = async (act: () => Promise<unknown>, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await act()
  }
  await Promise.all([
    ...Array.from({ length: 4 }, () => repeat(() => schedule(storm), stepCount)),
    ...workers.flatMap((worker) => Array.from({ length: 2 }, () => repeat(() => work(storm, worker), stepCount))),
    repeat(() => operate(storm), stepCount / 4),
    repeat(() => passTime(storm), stepCount / 2),
  ])
}
