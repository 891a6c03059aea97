import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readSettings } from '../../infra/settings.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'benchplane-settings-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const file = (content: string): string => {
  const path = join(folder, 'benchplane.yaml')
  writeFileSync(path, content)
  return path
}
const option = (value: unknown, from: string) => ({ value, from })

test('without any, the defaults hold', () => {
  expect(readSettings({}, {}, undefined)).toMatchObject({
    ok: true,
    settings: {
      host: '127.0.0.1',
      port: 4180,
      dataDir: '.benchplane',
      store: 'sqlite',
      leaseMs: 40_000,
      heartbeatEveryMs: 10_000,
    },
  })
})

test('an option goes before the environment, the environment before the file, and each is told', () => {
  const path = file('port: 1\nhost: localhost\nleaseMs: 30000\nheartbeatEveryMs: 1000')
  const read = readSettings({ port: option(3, '--port') }, { BENCHPLANE_PORT: '2', BENCHPLANE_LEASE_MS: '20000' }, path)
  expect(read).toMatchObject({
    ok: true,
    settings: { port: 3, host: 'localhost', leaseMs: 20_000, heartbeatEveryMs: 1_000 },
    sources: {
      port: { from: '--port' },
      host: { from: `host in ${path}` },
      leaseMs: { from: 'BENCHPLANE_LEASE_MS' },
      store: { from: 'default' },
    },
  })
})

test('where others may ask, callbacks go to public addresses only, unless hosts are named', () => {
  const hostsOf = (environment: Record<string, string>): unknown => {
    const read = readSettings({}, environment, undefined)
    return read.ok ? read.settings.callbackHosts : read.faults
  }
  const issuer = { BENCHPLANE_JWT_ISSUER: 'https://issuer.example.com', BENCHPLANE_JWT_AUDIENCE: 'benchplane' }
  expect(hostsOf({})).toBeUndefined()
  expect(hostsOf({ BENCHPLANE_CALLBACK_HOSTS: 'public' })).toBe('public')
  expect(hostsOf(issuer)).toBe('public')
  const named = { ...issuer, BENCHPLANE_CALLBACK_HOSTS: 'ci.example.com, localhost:8080' }
  expect(hostsOf(named)).toEqual(['ci.example.com', 'localhost:8080'])
})

test('every fault is told at once, with where it stands', () => {
  const path = file('port: 99999\nprot: 1\nstore: paper')
  const read = readSettings({}, { BENCHPLANE_HEARTBEAT_EVERY_MS: 'soon' }, path)
  expect(read.ok ? [] : read.faults.toSorted()).toEqual([
    expect.stringMatching(/^BENCHPLANE_HEARTBEAT_EVERY_MS: /),
    expect.stringMatching(/^port in .*benchplane\.yaml: /),
    expect.stringMatching(/^prot in .*benchplane\.yaml: there is no such setting/),
    expect.stringMatching(/^store in .*benchplane\.yaml: /),
  ])
})

test.each(['0.0.0.0', '::', '192.0.2.1', 'lab.example.com'])(
  '%s can be reached from elsewhere: not without identity',
  (host) => {
    const read = readSettings({ host: option(host, '--host') }, {}, undefined)
    expect(read.ok ? [] : read.faults).toEqual([
      expect.stringMatching(/^--host: .*no identity is configured: only loopback/),
    ])
  },
)

test('with identity it may be reached from elsewhere', () => {
  const identity = { BENCHPLANE_JWT_ISSUER: 'https://id.example.com/lab', BENCHPLANE_JWT_AUDIENCE: 'benchplane' }
  expect(readSettings({ host: option('0.0.0.0', '--host') }, identity, undefined).ok).toBe(true)
})

test.each([
  [{ BENCHPLANE_JWT_ISSUER: 'https://id.example.com' }, /^BENCHPLANE_JWT_ISSUER: jwtAudience/],
  [{ BENCHPLANE_JWT_ISSUER: 'http://id.example.com', BENCHPLANE_JWT_AUDIENCE: 'x' }, /^BENCHPLANE_JWT_ISSUER: .*https/],
  [{ BENCHPLANE_JWKS_URL: 'https://id.example.com/keys' }, /^BENCHPLANE_JWKS_URL: it needs jwtIssuer/],
  [{ BENCHPLANE_JWT_AUDIENCE: 'benchplane' }, /^BENCHPLANE_JWT_AUDIENCE: it needs jwtIssuer/],
  [{ BENCHPLANE_TENANT_CLAIM: 'org' }, /^BENCHPLANE_TENANT_CLAIM: it needs jwtIssuer/],
])('identity by halves is refused: %o', (environment, fault) => {
  const read = readSettings({}, environment, undefined)
  expect(read.ok ? [] : read.faults).toEqual([expect.stringMatching(fault)])
})

test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost', 'LOCALHOST'])('%s is this machine', (host) => {
  expect(readSettings({ host: option(host, '--host') }, {}, undefined).ok).toBe(true)
})

test('a lease outlives two heartbeats', () => {
  const read = readSettings({}, { BENCHPLANE_LEASE_MS: '15000' }, undefined)
  expect(read.ok ? [] : read.faults).toEqual([
    expect.stringMatching(/^BENCHPLANE_LEASE_MS: .*does not outlive two heartbeats/),
  ])
})

describe('a file', () => {
  test.each([
    ['that is no YAML', 'port: [1', /benchplane\.yaml: /],
    ['that is a list', '- 1', /does not map settings to values/],
  ])('%s', (_, content, expected) => {
    const read = readSettings({}, {}, file(content))
    expect(read.ok ? [] : read.faults).toEqual([expect.stringMatching(expected)])
  })
  test('that is not there', () => {
    const read = readSettings({}, {}, join(folder, 'nowhere.yaml'))
    expect(read.ok ? [] : read.faults).toEqual([expect.stringMatching(/nowhere\.yaml: ENOENT/)])
  })
  test('that is empty says nothing', () => {
    expect(readSettings({}, {}, file('')).ok).toBe(true)
  })
})

test('a worker is suspected after three quarters of its lease, unless it is told otherwise', () => {
  const settingsOf = (environment: Record<string, string>) => {
    const read = readSettings({}, environment, undefined)
    return read.ok ? [read.settings.suspectAfterMs, read.sources['suspectAfterMs']] : read.faults
  }
  expect(settingsOf({})).toEqual([30_000, { value: 30_000, from: 'default' }])
  expect(settingsOf({ BENCHPLANE_LEASE_MS: '60000' })).toEqual([45_000, { value: 45_000, from: 'default' }])
  const told = { BENCHPLANE_SUSPECT_AFTER_MS: '15000' }
  expect(settingsOf(told)).toEqual([15_000, { value: 15_000, from: 'BENCHPLANE_SUSPECT_AFTER_MS' }])
  for (const wrong of ['10000', '40000'])
    expect(settingsOf({ BENCHPLANE_SUSPECT_AFTER_MS: wrong })).toEqual([
      expect.stringMatching(/^BENCHPLANE_SUSPECT_AFTER_MS: .* after a missed heartbeat \(10000 ms\) and before/),
    ])
})
