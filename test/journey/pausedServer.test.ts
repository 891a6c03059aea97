import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openHouse, taken } from '../adapters/programs.ts'
import { dynamodb, sqlite } from './stores.ts'

const params = { workerId: 'w1' }

test.each([sqlite, dynamodb()])(
  'in $store, a server that is stopped for longer than a lease, and goes on, has lost nobody',
  {
    timeout: 30_000,
  },
  async ({ place }) => {
    const { env, args } = place()
    const house = await openHouse({
      environment: { BENCHPLANE_HEARTBEAT_EVERY_MS: '200', BENCHPLANE_LEASE_MS: '2000', ...env },
      args,
    })
    const { client, server } = house
    await house.json('bench', 'register', 'b1', '--type', 'hil')
    taken(await client.enrolWorker({ params, body: {} }))
    taken(await client.openSession({ params, body: { benches: ['b1'], agentVersion: 'test' } }))
    const beat = () => client.heartbeat({ params, body: { epoch: 1, attempts: [] } })
    for (let n = 0; n < 5; n++) {
      taken(await beat())
      await sleep(100)
    }
    server.signal('SIGSTOP')
    await sleep(3_000)
    server.signal('SIGCONT')
    taken(await beat())
    const { items } = taken(await client.listHistory({ params: { kind: 'worker', id: 'w1' }, query: {} }))
    expect(items.map(({ type }) => type)).toEqual(['WorkerEnrolled', 'WorkerSessionOpened'])
    await expect
      .poll(
        async () => taken(await client.listHistory({ params: { kind: 'bench', id: 'b1' }, query: {} })).items.at(-1),
        {
          timeout: 10_000,
        },
      )
      .toMatchObject({ type: 'BenchLost', data: { epoch: 1 } })
  },
)
