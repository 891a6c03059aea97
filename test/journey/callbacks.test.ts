import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { isSignedBy, openReceiver } from '../infra/receiver.ts'
import { benchplane, call, startServer, temporaryDirectory, waitFor } from './server.ts'

const lab = async (url: string): Promise<void> => {
  await call(url, 'POST', '/v1/benches', { benchId: 'b1', type: 'sil', capabilities: [] })
  const asked = { reservationId: 'R', holder: 'ann', benches: [{ benchId: 'b1' }], durationMs: 3_600_000 }
  await call(url, 'POST', '/v1/reservations', asked)
}
const finish = async (url: string, id: string, callback: string): Promise<void> => {
  const tasks = [{ name: 'a', run: {} }]
  await call(url, 'POST', '/v1/executions', { executionId: id, reservationId: 'R', tasks, callback: { url: callback } })
  expect((await call(url, 'POST', `/v1/executions/${id}/cancel`)).body).toMatchObject({ status: 'finished' })
}

test('a server that is killed between an end and its telling tells it when it is back, signed by the secret it keeps', async () => {
  const directory = temporaryDirectory()
  const away = await openReceiver()
  await away.close()
  const first = await startServer(directory)
  await lab(first.url)
  await finish(first.url, 'e1', away.url)
  await finish(first.url, 'e2', away.url)
  await first.kill()
  const receiver = await openReceiver(undefined, away.port)
  const second = await startServer(directory)
  await vi.waitFor(() => expect(new Set(receiver.got.map(({ event }) => event.id)).size).toBe(2), 15_000)
  const path = join(directory, 'webhook-secret')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const secret = readFileSync(path, 'utf8').trim()
  expect(receiver.got.every((received) => isSignedBy(secret, received))).toBe(true)
  await waitFor(async () =>
    (await (await fetch(`${second.url}/metrics`)).text()).includes('benchplane_callbacks_pending 0'),
  )
  const told = receiver.got.length
  await second.kill()
  const third = await startServer(directory)
  await finish(third.url, 'e3', receiver.url)
  await vi.waitFor(() => expect(receiver.got.at(-1)?.event).toMatchObject({ subject: 'execution/e3' }), 10_000)
  expect(receiver.got).toHaveLength(told + 1)
  expect(readFileSync(path, 'utf8').trim()).toBe(secret)
}, 60_000)

test('a secret that is set is used, and shown nowhere', async () => {
  const directory = temporaryDirectory()
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const env = { BENCHPLANE_WEBHOOK_SECRET: secret, BENCHPLANE_CALLBACK_HOSTS: 'ci.example.com, localhost:8080' }
  const { stdout } = await benchplane(['serve', '--print-config', '--data', directory], env)
  expect(stdout).toContain('webhookSecret: (set)  # BENCHPLANE_WEBHOOK_SECRET')
  expect(stdout).toContain('callbackHosts: ci.example.com,localhost:8080  # BENCHPLANE_CALLBACK_HOSTS')
  expect(stdout).not.toContain(secret)
  const wrong = await benchplane(['serve', '--print-config'], { BENCHPLANE_WEBHOOK_SECRET: 'whsec_short' })
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining('BENCHPLANE_WEBHOOK_SECRET: a webhook secret is'),
  ])
  expect(wrong.stderr).not.toContain('whsec_short')
})
