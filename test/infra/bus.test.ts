import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openBus } from '../../infra/bus.ts'
import { commitOf, storedEvent } from '../adapters/published.ts'

/** Takes whatever it is given, as the bus and the bucket would. */
const openServices = async () => {
  const details: { dataref?: string }[] = []
  const puts: string[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString()
    if (request.method === 'PUT') {
      puts.push(request.url ?? '')
      return response.end()
    }
    const { Entries } = JSON.parse(body) as { Entries: { Detail: string }[] }
    details.push(...Entries.map(({ Detail }) => JSON.parse(Detail) as object))
    return response.end(JSON.stringify({ Entries: Entries.map((_, at) => ({ EventId: String(at) })) }))
  }
  const server = createServer((...asked) => void answer(...asked))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const settings = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  }
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  return { details, puts }
}

const large = commitOf('e1', [storedEvent({ log: 'x'.repeat(300_000) })])
const own = 'default/execution/e1/1.json'

test.each([
  [undefined, [], `urn:benchplane:${own}`],
  ['artifacts', [expect.stringContaining(own)], expect.stringMatching(/^s3:\/\/artifacts\/.*e1\/1\.json$/)],
])('data too large for the bus are named where they lie, with the bucket %s', async (bucket, written, dataref) => {
  const { details, puts } = await openServices()
  const { publisher, close } = await openBus('benchplane', bucket)
  onTestFinished(close)
  expect(await publisher.publish([large])).toEqual({ sentCount: 1, failures: [] })
  expect(puts).toEqual(written)
  expect(details).toMatchObject([{ dataref }])
})
