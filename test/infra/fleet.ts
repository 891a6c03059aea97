import type { AttemptName } from '../../domain/leaseStore.ts'
import type { HouseOptions } from '../../infra/parts.ts'
import { type openHouses, openLines, openTime, story, type Voiced } from './house.ts'

type Open = ReturnType<typeof openHouses>['open']

const session = (workerId: string, epoch: number) => ({ tenant: 'default', workerId, epoch })

/** The clocks of a server: time passes on both; the wall clock alone may jump; and nothing happens while it is away. */
export const openClocks = () => {
  const time = openTime()
  let ms = 0
  const tick = (seconds: number): void => {
    time.pass(seconds / 60)
    ms += seconds * 1_000
  }
  return { ...time, monotonicMs: () => ms, tick, jump: (hours: number) => time.pass(hours * 60) }
}
export type Clocks = ReturnType<typeof openClocks>

/** A house with workers that beat when the test says so, and a sweeper that looks each second of the test's time. */
export const openFleet = async (open: Open, options: Partial<HouseOptions> = {}, clocks: Clocks = openClocks()) => {
  const { lines, log } = openLines()
  const { now, monotonicMs } = clocks
  const voiced = await open({ store: 'memory', log, now, monotonicMs, ...options })
  return { ...voiced, lines, clocks, ...acting(voiced, clocks) }
}
export type Fleet = Awaited<ReturnType<typeof openFleet>>

const acting = ({ house, services, bench, book, done }: Voiced, clocks: Clocks) => {
  const beat = (workerId: string, attempts: readonly AttemptName[] = [], epoch = 1) =>
    services.leases.renew({ ...session(workerId, epoch), attempts })
  const settled = async (): Promise<void> => {
    if (!(await house.settled())) throw new Error('the house does not settle')
  }
  /** Opens a session as the way in does: history first, then the lease. */
  const serve = async (workerId: string, ...benchIds: string[]): Promise<number> => {
    const { head } = await done('worker', workerId, 'OpenSession', { benches: benchIds, agentVersion: '1' })
    const { epoch } = head.state as { epoch: number }
    await services.leases.open({ ...session(workerId, epoch), benchIds })
    return epoch
  }
  /** Second by second; who is alive beats every ten. Everything that follows has happened when it resolves. */
  const pass = async (seconds: number, alive: readonly string[] = []): Promise<void> => {
    for (let n = 1; n <= seconds; n++) {
      clocks.tick(1)
      if (n % 10 === 0) for (const workerId of alive) await beat(workerId)
      await house.sweep()
    }
    await settled()
  }
  return {
    beat,
    serve,
    pass,
    settled,
    /** A worker with benches of its own. */
    worker: async (workerId: string, ...benchIds: string[]): Promise<void> => {
      for (const benchId of benchIds) await bench(benchId)
      await done('worker', workerId, 'EnrolWorker')
      await serve(workerId, ...benchIds)
    },
    /** An active reservation of benches, and an execution of one task `t` under it. */
    submitted: async (id: string, benchIds: readonly string[], task: object = {}): Promise<void> => {
      const [first = ''] = benchIds
      await book(`r-${id}`, first, { benches: benchIds.map((benchId) => ({ benchId })), checkInWithinMs: 0 })
      await done('reservation', `r-${id}`, 'Tick')
      const tasks = [{ name: 't', run: {}, retry: { attemptCountMax: 3 }, ...task }]
      await done('execution', id, 'SubmitExecution', { reservationId: `r-${id}`, tasks })
      await settled()
    },
    claim: (id: string, workerId: string, benchId: string, epoch = 1) =>
      done('execution', id, 'ClaimTask', { taskName: 't', benchId, workerId, epoch }),
    end: () => services.history.feedEnd(),
    since: (end: string) => story(services.history, end),
  }
}
