import { createHmac } from 'node:crypto'
import { exportSPKI, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { operations } from '../../../adapters/routes.ts'
import { bench, expectProblem, openDriver } from './driver.ts'
import { expectRefused, issuedDrivers } from './identified.ts'
import { newKey } from './issuer.ts'

const { opened } = issuedDrivers()

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('with identity configured', () => {
  test('what a token’s bearer does is done in his name', async () => {
    const { issuer, driver, tell } = await opened()
    expect((await tell(await issuer.token())).status).toBe(201)
    const [commit] = await driver.house.history.load('default/bench/rig-1')
    expect(commit?.actor).toEqual({ kind: 'user', id: 'ada' })
  })

  test.each([
    ['user', { sub: 'ada', client_id: 'console', azp: 'console' }],
    ['service', { sub: 'ci', client_id: 'ci' }],
    ['service', { sub: 'ci', azp: 'ci' }],
    ['worker', { sub: 'w-1', client_id: 'w-1', benchplane_kind: 'worker' }],
    ['user', { sub: 'ada', benchplane_kind: 'system' }],
  ])('a %s is told by the claims %o', async (kind, claims) => {
    const { issuer, driver, tell } = await opened()
    expect((await tell(await issuer.token(claims))).status).toBe(201)
    const [commit] = await driver.house.history.load('default/bench/rig-1')
    expect(commit?.actor).toEqual({ kind, id: claims.sub })
  })

  test('nobody gets past without a token, whatever he asks for', async () => {
    const { driver } = await opened()
    for (const { method, path } of operations.filter(
      (each) => each.path.startsWith('/v1/') || each.path === '/metrics',
    )) {
      const response = await driver.send(method, path.replaceAll(/\{\w+\}/g, 'x'))
      expect([path, response.status, response.headers.get('www-authenticate')]).toEqual([
        path,
        401,
        'Bearer realm="benchplane"',
      ])
    }
    expectProblem(await driver.post('/v1/benches', bench, { authorization: 'Basic YTpi' }), 401, 'unauthenticated')
    expect(await driver.house.history.load('default/bench/rig-1')).toEqual([])
  })

  test('probes and what the API is like stay open; metrics are for who has a token', async () => {
    const { driver } = await opened()
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs'])
      expect([path, (await driver.get(path)).status]).toEqual([path, 200])
  })

  test('whoever has a token is served under any name, a page from elsewhere has none', async () => {
    const { issuer, driver } = await opened()
    const authorization = `Bearer ${await issuer.token()}`
    const host = 'lab.example.com'
    expect((await driver.post('/v1/benches', bench, { authorization, host })).status).toBe(201)
    const foreign = { host, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expectProblem(await driver.post('/v1/benches', bench, foreign), 401, 'unauthenticated')
  })

  test('OpenAPI says that the API wants a token, and says so only then', async () => {
    const { driver } = await opened()
    const [asking, open] = [await driver.get('/openapi.json'), await openDriver().get('/openapi.json')]
    expect(asking.body.components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } })
    expect(asking.body.paths['/v1/benches'].get.security).toEqual([{ bearer: [] }])
    expect(asking.body.paths['/healthz'].get.security).toBeUndefined()
    expect([open.text.includes('securitySchemes'), open.text.includes('"security"')]).toEqual([false, false])
  })
})

describe('a token is refused', () => {
  const nowS = Math.floor(Date.now() / 1_000)

  test.each([
    ['that has expired', { exp: nowS - 120 }, /expired/],
    ['that is not valid yet', { nbf: nowS + 120 }, /not valid yet/],
    ['that never expires', { exp: undefined as never }, /no exp/],
    ['for another audience', { aud: 'payroll' }, /another audience/],
    ['for no audience', { aud: undefined as never }, /another audience/],
    ['of another issuer', { iss: 'https://evil.example' }, /another issuer/],
    ['that names nobody', { sub: undefined as never }, /no sub/],
    ['whose subject is empty', { sub: '' }, /1 to 255/],
    ['whose subject is too long', { sub: 'x'.repeat(256) }, /1 to 255/],
    ['whose subject breaks lines', { sub: 'a\nb' }, /1 to 255/],
    ['that is a novel', { novel: 'x'.repeat(8_192) }, /at most 8192/],
  ])('%s', async (_, claims, why) => {
    const { issuer, ask } = await opened()
    expectRefused(await ask(await issuer.token(claims)), why)
  })

  test('but not for a clock that is a minute off', async () => {
    const { issuer, ask } = await opened()
    for (const claims of [{ exp: nowS - 30 }, { nbf: nowS + 30 }])
      expect((await ask(await issuer.token(claims))).status).toBe(200)
  })

  test('that nobody has signed', async () => {
    const { issuer, ask } = await opened()
    const [, claims] = (await issuer.token()).split('.')
    expectRefused(await ask(`${part({ alg: 'none' })}.${claims}.`), /signed by RS256 or ES256/)
    expectRefused(await ask(`${part({ alg: 'None', kid: 'key-1' })}.${claims}.`), /RS256 or ES256|no token/)
  })

  test('that is signed with the public key as if it were a secret', async () => {
    const { issuer, ask } = await opened()
    const key = await newKey('RS256')
    issuer.published.unshift(key)
    const pem = await exportSPKI((await importJWK(key.jwk, 'RS256')) as Parameters<typeof exportSPKI>[0])
    const [, claims] = (await issuer.token()).split('.')
    const signed = `${part({ alg: 'HS256', kid: key.kid })}.${claims}`
    const signature = createHmac('sha256', pem).update(signed).digest('base64url')
    expectRefused(await ask(`${signed}.${signature}`), /signed by RS256 or ES256/)
    expect((await ask(await issuer.token())).status).toBe(200)
  })

  test('that brings its own key', async () => {
    const { issuer, ask } = await opened()
    const key = await newKey()
    const header = { kid: issuer.published[0]!.kid, jwk: key.jwk }
    expectRefused(await ask(await issuer.token({}, { key, header })), /signature/)
  })

  test('whose claims were changed', async () => {
    const { issuer, ask } = await opened()
    const [header, claims, signature] = (await issuer.token()).split('.')
    const forged = { ...JSON.parse(Buffer.from(claims ?? '', 'base64url').toString()), sub: 'root' }
    expectRefused(await ask(`${header}.${part(forged)}.${signature}`), /signature/)
  })

  test.each(['x', 'a.b.c', '..', `${'e30'}.${'e30'}.`, '🦄', `${part({ alg: 'ES256' })}.x.y`])(
    'that is none: %s',
    async (text) => {
      const { driver } = await opened()
      const encoded = Buffer.from(text).toString('latin1')
      const answered = await driver.get('/v1/benches', { authorization: `Bearer ${encoded}` })
      expectProblem(answered, 401, 'unauthenticated')
    },
  )

  test('a refusal is told in the log with its correlation id, without the token', async () => {
    const { issuer, lines, driver } = await opened()
    const authorization = `Bearer ${await issuer.token({ exp: nowS - 120 })}`
    await driver.get('/v1/benches', { authorization, 'x-correlation-id': 'c-7' })
    const line = lines.find(({ correlationId }) => correlationId === 'c-7')
    expect(line?.message).toBe('a token was refused')
    expect(JSON.stringify(lines)).not.toContain(authorization.slice(7))
  })
})

describe('tenants', () => {
  test('are as the claim says, and see nothing of one another', async () => {
    const { issuer, driver, ask, tell } = await opened({ tenantClaim: 'org' })
    const [acme, other] = [await issuer.token({ org: 'acme' }), await issuer.token({ org: 'other' })]
    expect((await tell(acme)).status).toBe(201)
    expect(await driver.house.history.load('acme/bench/rig-1')).toHaveLength(1)
    expect((await ask(acme)).body.items).toHaveLength(1)
    expect((await ask(other)).body.items).toEqual([])
  })

  test.each([undefined, 'acme/bench', '', 'Acme', 7, ['acme'], '..'])('%j is none', async (org) => {
    const { issuer, ask } = await opened({ tenantClaim: 'org' })
    expectRefused(await ask(await issuer.token({ org })), /names no tenant/)
  })
})
