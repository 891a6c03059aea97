import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { bundled } from '../../../infra/stacks/bundle.ts'
import { parseOptions } from '../../../infra/stacks/options.ts'
import { settingsOf } from '../../../infra/stacks/servers.ts'
import { localEngine } from '../../adapters/dynamodbLocal.ts'
import { openIssuer } from '../../adapters/http/issuer.ts'
import { call } from '../../journey/server.ts'

const engine = localEngine()

test('the server’s bundle serves with the settings of its deployment, and writes nothing to its disk', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'benchplane-server-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const bundle = join(bundled('server', directory), 'index.mjs')
  const issuer = await openIssuer()
  onTestFinished(issuer.close)
  const env = {
    PATH: process.env['PATH'],
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL: engine.endpoint(),
    ...settingsOf(parseOptions({ prefix: await engine.tables() })),
    BENCHPLANE_HOST: '127.0.0.1',
    BENCHPLANE_PORT: '0',
    BENCHPLANE_BUCKET: 'blobs',
    BENCHPLANE_JWT_ISSUER: issuer.url,
    BENCHPLANE_JWT_AUDIENCE: 'benchplane',
    BENCHPLANE_DATA_DIR: join(directory, 'nowhere'),
  }
  const child = spawn(process.execPath, [bundle], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(async () => {
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  })
  let said = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (said += String(chunk)))
  const url = await vi.waitFor(
    () => {
      const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
      if (found === undefined) throw new Error(said)
      return found
    },
    { timeout: 20_000 },
  )
  await vi.waitFor(async () => expect((await call(url, 'GET', '/readyz')).status).toBe(200), { timeout: 10_000 })
  expect((await call(url, 'GET', '/v1/benches')).status).toBe(401)
  const authorization = `Bearer ${await issuer.token()}`
  const registered = await call(url, 'POST', '/v1/benches', { benchId: 'rig-1', type: 'hil' }, { authorization })
  expect(registered).toMatchObject({ status: 201 })
  expect(existsSync(env.BENCHPLANE_DATA_DIR)).toBe(false)
}, 60_000)
