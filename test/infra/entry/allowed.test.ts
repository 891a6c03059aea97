import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test, vi } from 'vitest'
import { lastingGeneration } from '../../../adapters/dynamodb/layout.ts'
import { openViews } from '../../../adapters/dynamodb/views.ts'
import { openSurroundings } from '../../../infra/functions/counted.ts'
import { openMinute } from '../../../infra/functions/minute.ts'
import { openServed } from '../../../infra/functions/served.ts'
import { openTables, openWritePath } from '../../../infra/functions/tables.ts'
import { localEngine } from '../../adapters/dynamodbLocal.ts'
import { openIssuer } from '../../adapters/http/issuer.ts'
import { synthesised } from '../stacks/synthesised.ts'
import { allowedTo, openGuard } from './allowed.ts'

const engine = localEngine()
const given = synthesised()
const properties = (type: string) => given.all(type).map(({ Properties }) => Properties)

/** The surroundings of a function on fresh tables, or on these, with the rights of its role and no others. */
const deployedAs = async (name: string, tables?: string) => {
  const tablePrefix = tables ?? (await engine.tables())
  const guard = await openGuard(engine.endpoint(), allowedTo(`benchplane-${name}`, properties))
  const environment = {
    AWS_ENDPOINT_URL_DYNAMODB: guard.endpoint,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    POWERTOOLS_METRICS_DISABLED: 'true',
  }
  for (const [key, value] of Object.entries(environment)) vi.stubEnv(key, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  return { tablePrefix, refused: guard.refused, surroundings: openSurroundings(name) }
}

const register = (benchId: string) => ({
  tenant: 'default',
  kind: 'bench' as const,
  id: benchId,
  type: 'RegisterBench',
  data: { benchId, type: 'hil' },
  actor: { kind: 'user' as const, id: 'ada' },
  correlationId: 'c',
})

test.each(['project', 'react', 'tick'])('%s may do what opening its tables takes, first or later', async (name) => {
  const { tablePrefix, refused, surroundings } = await deployedAs(name)
  const open = async () => {
    const tables = await openTables(tablePrefix, surroundings)
    await tables.views()
    return tables
  }
  await (await open()).close()
  await (await open()).close()
  expect(refused()).toEqual([])
})

test.each(['react', 'tick'])('%s may send commands', async (name) => {
  const { tablePrefix, refused, surroundings } = await deployedAs(name)
  const tables = await openTables(tablePrefix, surroundings)
  onTestFinished(tables.close)
  expect(await openWritePath(tables, surroundings).writing.submit(register('rig-1'))).toMatchObject({ kind: 'done' })
  expect(refused()).toEqual([])
})

const opened = async () => {
  const deployed = await deployedAs('api')
  const issuer = await openIssuer()
  onTestFinished(issuer.close)
  const { tablePrefix, surroundings } = deployed
  const tokens = { jwtIssuer: issuer.url, jwtAudience: 'benchplane', callbackHosts: 'public' as const }
  const { app, close } = await openServed({ ...surroundings, tablePrefix, bucket: 'blobs', ...tokens })
  onTestFinished(close)
  const token = await issuer.token()
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await app.request(path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> }
  }
  return { ...deployed, ask }
}

test('the API may serve benches and workers, and hand on that a freeze be lifted', async () => {
  const { ask, refused, tablePrefix } = await opened()
  expect(await ask('POST', '/v1/benches', { benchId: 'rig-1', type: 'hil' })).toMatchObject({ status: 201 })
  expect((await ask('PUT', '/v1/workers/w-1')).status).toBe(201)
  const session = { benches: ['rig-1'], agentVersion: '1' }
  expect((await ask('POST', '/v1/workers/w-1/sessions', session)).status).toBe(201)
  expect((await ask('POST', '/v1/workers/w-1/heartbeat', { epoch: 1, attempts: [] })).status).toBe(200)
  expect((await ask('POST', '/v1/workers/w-1/claim', { epoch: 1, waitMs: 20_000 })).status).toBe(204)
  expect((await ask('GET', '/v1/benches')).status).toBe(200)
  expect((await ask('POST', '/v1/views/rebuild')).body).toMatchObject({ code: 'not-rebuilt-here' })
  await frozen(tablePrefix)
  expect((await ask('DELETE', '/v1/loss-freeze')).status).toBe(200)
  expect(refused()).toEqual([])
})

/** As a keeper tells it. */
const frozen = async (tablePrefix: string): Promise<void> => {
  const views = openViews({ client: engine.client(), tablePrefix, generation: lastingGeneration })
  const status = { frozen: true, since: new Date().toISOString(), silentCount: 5, workerCount: 5 }
  await views.saveCheckpoint('loss-freeze', JSON.stringify(status))
  await views.close()
}

test('the sweep may keep the clock for its minute', async () => {
  const { tablePrefix, refused, surroundings } = await deployedAs('sweep')
  const minute = await openMinute({
    ...surroundings,
    tablePrefix,
    arm: async () => expect.unreachable('nothing is due'),
    tasks: { beat: unasked, finish: unasked },
    webhookSecret: `whsec_${randomBytes(33).toString('base64')}`,
    callbackHosts: 'public',
    lengthMs: 2_500,
  })
  await minute()
  expect(surroundings.counters.sweeps).toBeGreaterThan(0)
  expect(surroundings.counters).toMatchObject({ sweepFailures: 0, keeperFailures: 0, callbackOutages: 0 })
  expect(refused()).toEqual([])
})

const unasked = async () => expect.unreachable('no state machine waits')

test('what a role may not do is refused here, as it is on AWS', async () => {
  const { tablePrefix, refused, surroundings } = await deployedAs('project')
  const tables = await openTables(tablePrefix, surroundings)
  onTestFinished(tables.close)
  await expect(tables.clockRow.read()).rejects.toThrow('AccessDenied')
  await expect(openWritePath(tables, surroundings).writing.submit(register('rig-1'))).rejects.toThrow('AccessDenied')
  expect(new Set(refused())).toEqual(new Set(['GetItem leases clock', 'PutItem history default/bench/rig-1']))
})
