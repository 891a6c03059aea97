import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import type { ValueOf } from '../../../adapters/client/operations.ts'
import { type House, openHouse, type Program, taken } from '../programs.ts'

export type Execution = ValueOf<'getExecution'>

/** A cancel reaches a worker within 200 ms; no lease runs out because this machine is busy. */
const calm = { environment: { BENCHPLANE_HEARTBEAT_EVERY_MS: '200', BENCHPLANE_LEASE_MS: '20000' } }
/** The same with leases that run out soon. */
export const brief = { environment: { BENCHPLANE_HEARTBEAT_EVERY_MS: '200', BENCHPLANE_LEASE_MS: '2400' } }

/** A server with benches `b1`, `b2`, … each reserved for an hour under `r-b1`, `r-b2`, …. */
export const openLab = async (
  benchIds: readonly string[] = ['b1'],
  options: Parameters<typeof openHouse>[0] = calm,
): Promise<House> => {
  const house = await openHouse(options)
  for (const benchId of benchIds) {
    taken(await house.client.registerBench({ body: { benchId, type: 'hil' } }))
    const body = {
      reservationId: `r-${benchId}`,
      holder: 'ada',
      benches: [{ benchId }],
      durationMs: 3_600_000,
      graceMs: 1_500,
    }
    taken(await house.client.requestReservation({ body }))
  }
  return house
}

type Task = Parameters<House['client']['submitExecution']>[0]['body']['tasks'][number]

export const submit = async (
  { client }: House,
  executionId: string,
  tasks: Task[],
  more: object = {},
): Promise<void> => {
  taken(await client.submitExecution({ body: { executionId, reservationId: 'r-b1', tasks, ...more } }))
}

export const executionOf = async ({ client }: House, executionId: string): Promise<Execution> =>
  taken(await client.getExecution({ params: { executionId }, query: { consistent: true } }))

/** The execution, once it has finished. */
export const finished = async (house: House, executionId: string): Promise<Execution> => {
  const isFinished = async (): Promise<Execution> => {
    const execution = await executionOf(house, executionId)
    expect(execution.status).toBe('finished')
    return execution
  }
  return vi.waitFor(isFinished, { timeout: 15_000, interval: 20 })
}

export const logOf = async ({ client }: House, executionId: string, taskName: string, attempt = 1): Promise<string> =>
  taken(await client.readLog({ params: { executionId }, query: { taskName, attempt } }))

/** The log, once it has what is expected. */
export const logged = (house: House, executionId: string, taskName: string, text: string): Promise<string> =>
  vi.waitFor(
    async () => {
      const log = await logOf(house, executionId, taskName)
      expect(log).toContain(text)
      return log
    },
    { timeout: 10_000, interval: 20 },
  )

export const outcomes = ({ tasks }: Execution) =>
  Object.fromEntries(
    tasks.map(({ name, status, attempts }) => [name, [status, attempts.at(-1)?.reason ?? attempts.at(-1)?.result]]),
  )

/** Says who the guard of an agent is. */
export const guardFile = ({ directory }: House, workerId: string): string =>
  join(directory, 'work', workerId, 'benchplane-guard')
export const guardOf = (house: House, workerId: string): number =>
  Number.parseInt(readFileSync(guardFile(house, workerId), 'utf8'), 10)

/** An agent that is stopped can not start another. */
export const stopWithoutGuard = (house: House, workerId: string, agent: Program): void => {
  agent.signal('SIGSTOP')
  process.kill(guardOf(house, workerId), 'SIGKILL')
}

export const killWithGuard = async (house: House, workerId: string, agent: Program): Promise<void> => {
  stopWithoutGuard(house, workerId, agent)
  agent.signal('SIGKILL')
  await agent.ended
}
