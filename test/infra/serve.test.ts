import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { audience, openIssuer } from '../adapters/http/issuer.ts'
import { openHouse, run, start, temporaryDirectory } from '../adapters/programs.ts'

const urlOf = async (args: string[], environment: Record<string, string> = {}) => {
  const server = start(['serve', '--port', '0', ...args], environment)
  const [url] = await server.says(/http:\/\/127\.0\.0\.1:\d+/)
  return { server, url }
}

test('a file, the environment and options together say how it serves', async () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'benchplane.yaml')
  writeFileSync(file, `dataDir: ${join(directory, 'from-file')}\nheartbeatEveryMs: 700\nlogLevel: debug\n`)
  const environment = { BENCHPLANE_CONFIG: file, BENCHPLANE_LEASE_MS: '7000', BENCHPLANE_LOG_LEVEL: 'info' }
  const shown = await run(['serve', '--print-config', '--port', '0'], environment)
  expect(shown.stdout.split('\n')).toEqual(
    expect.arrayContaining([
      'port: 0  # --port',
      'leaseMs: 7000  # BENCHPLANE_LEASE_MS',
      `heartbeatEveryMs: 700  # heartbeatEveryMs in ${file}`,
      'logLevel: info  # BENCHPLANE_LOG_LEVEL',
      'host: 127.0.0.1  # default',
    ]),
  )
  const { url } = await urlOf([], environment)
  await run(['bench', 'register', 'b1', '--type', 'hil', '--url', url])
  await run(['worker', 'enrol', 'w1', '--url', url])
  const opened = await fetch(`${url}/v1/workers/w1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ benches: ['b1'], agentVersion: 'test' }),
  })
  expect(await opened.json()).toEqual({ epoch: 1, leaseMs: 7_000, heartbeatEveryMs: 700 })
  expect(readdirSync(join(directory, 'from-file'))).toContain('history.db')
})

test('every faulty setting is told at once', async () => {
  const file = join(temporaryDirectory(), 'benchplane.yaml')
  writeFileSync(file, 'prot: 4180\nstore: paper\n')
  const { code, stderr } = await run(['serve', '--config', file], { BENCHPLANE_LEASE_MS: 'long' })
  expect(code).toBe(2)
  expect(stderr).toMatch(/^error: 3 settings are faulty\n( {2}.*\n){3}$/)
})

test('it says that it lets only this machine in', async () => {
  const { server } = await urlOf(['--store', 'memory'])
  await server.says(/no identity is configured/)
})

test('with identity it serves whoever has a token, and says whose', async () => {
  const issuer = await openIssuer()
  const environment = { BENCHPLANE_JWT_ISSUER: issuer.url, BENCHPLANE_JWT_AUDIENCE: audience }
  const { server, url } = await urlOf(['--store', 'memory'], environment)
  await server.says(/whoever has a token of this issuer is let in/)
  const register = ['bench', 'register', 'b1', '--type', 'hil', '--url', url]
  const refused = await run(register)
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/unauthenticated: [^]*BENCHPLANE_TOKEN/)])
  const BENCHPLANE_TOKEN = await issuer.token({ sub: 'grace' })
  expect(await run(register, { BENCHPLANE_TOKEN })).toMatchObject({ code: 0 })
  const told = await run(['history', 'show', 'bench/b1', '--url', url], { BENCHPLANE_TOKEN })
  expect(told.stdout).toContain('user grace')
  await issuer.close()
})

test('in memory it leaves nothing behind', async () => {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 'here'))
  const { server, url } = await urlOf(['--store', 'memory', '--data', join(directory, 'here')])
  expect((await run(['bench', 'register', 'b1', '--type', 'hil', '--url', url])).code).toBe(0)
  server.signal('SIGTERM')
  expect(await server.ended).toBe(0)
  expect(readdirSync(join(directory, 'here'))).toEqual([])
})

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('ends it in order, though clients follow events and wait for tasks', async () => {
    const house = await openHouse()
    await house.json('bench', 'register', 'b1', '--type', 'hil')
    const agent = house.agent('w1', ['b1'])
    await agent.says(/serving/)
    const tail = start(['events', 'tail'], { BENCHPLANE_URL: house.url })
    await house.json('bench', 'describe', 'b1', '--name', 'another')
    const startedAt = performance.now()
    house.server.signal(signal)
    expect(await house.server.ended).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(4_000)
    expect(house.server.output.stdout).toContain('closing')
    expect(house.server.output.stderr).toBe('')
    expect(readdirSync(join(house.directory, 'data')).filter((name) => name.endsWith('-wal'))).toEqual([])
    tail.signal('SIGTERM')
  })
})
