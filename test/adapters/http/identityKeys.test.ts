import { describe, expect, test, vi } from 'vitest'
import { openIdentity } from '../../../adapters/http/identity.ts'
import { openLines } from '../../infra/house.ts'
import { expectProblem } from './driver.ts'
import { expectRefused, issuedDrivers } from './identified.ts'
import { audience, type Illness, newKey } from './issuer.ts'

const { opened } = issuedDrivers()

describe('the issuer’s keys', () => {
  test('are fetched once for many requests, from where they are told to be', async () => {
    const { issuer, ask } = await opened()
    const token = await issuer.token()
    const all = await Promise.all(Array.from({ length: 20 }, async () => ask(token)))
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]))
    expect(issuer.requestCount()).toBe(2)
    const direct = openIdentity({ issuer: issuer.url, audience, jwksUrl: issuer.jwksUrl, log: openLines().log })
    expect(await direct.identify(`Bearer ${token}`, 'c')).toMatchObject({ actor: { id: 'ada' } })
    expect(issuer.requestCount()).toBe(3)
  })

  test('that are new are known as soon as they are used', async () => {
    const { issuer, ask } = await opened({ cooldownMs: 0 })
    const former = await issuer.token()
    expect((await ask(former)).status).toBe(200)
    issuer.published.unshift(await newKey('RS256'))
    expect((await ask(await issuer.token())).status).toBe(200)
    expect((await ask(former)).status).toBe(200)
  })

  test('that are not known are not asked for again and again', async () => {
    const { issuer, ask } = await opened()
    expect((await ask(await issuer.token())).status).toBe(200)
    const fetched = issuer.requestCount()
    for (const _ of [1, 2, 3]) expectRefused(await ask(await issuer.token({}, { key: await newKey() })), /not publish/)
    expect(issuer.requestCount()).toBe(fetched)
  })

  test('that were taken back are forgotten in time', async () => {
    const { issuer, ask } = await opened({ refreshMs: 0 })
    const token = await issuer.token()
    expect((await ask(token)).status).toBe(200)
    issuer.published.splice(0, 1, await newKey())
    await vi.waitFor(async () => expectRefused(await ask(token), /not publish/))
  })

  test.each(['down', 'failing', 'no JSON', 'no keys', 'endless', 'elsewhere'] satisfies Illness[])(
    'cannot be had while the issuer is %s: that is told, and passes',
    async (illness) => {
      const { issuer, lines, ask } = await opened({ pauseMs: 0 })
      issuer.falls(illness)
      const answered = await ask(await issuer.token())
      expectProblem(answered, 503, 'identity-unavailable')
      expect(answered.headers.get('retry-after')).toBe('5')
      expect(lines.find(({ level }) => level === 'error')?.message).toBe('the issuer’s keys cannot be fetched')
      issuer.falls(undefined)
      expect((await ask(await issuer.token())).status).toBe(200)
    },
  )

  test('that are known outlast the issuer’s outage, which is not pestered meanwhile', async () => {
    const { issuer, ask } = await opened({ refreshMs: 0, cooldownMs: 0 })
    const token = await issuer.token()
    expect((await ask(token)).status).toBe(200)
    issuer.falls('failing')
    const other = await issuer.token({}, { key: await newKey() })
    await vi.waitFor(async () => expectProblem(await ask(other), 503, 'identity-unavailable'))
    const fetched = issuer.requestCount()
    for (const _ of [1, 2, 3]) {
      expect((await ask(token)).status).toBe(200)
      expectProblem(await ask(other), 503, 'identity-unavailable')
    }
    expect(issuer.requestCount()).toBe(fetched)
  })

  test('of an issuer of another name are not taken', async () => {
    const { issuer, ask, lines } = await opened()
    const { driver } = await opened({ issuer: issuer.url.replace('127.0.0.1', 'localhost') })
    expect((await ask(await issuer.token())).status).toBe(200)
    const answered = await driver.get('/v1/benches', { authorization: `Bearer ${await issuer.token()}` })
    expectProblem(answered, 503, 'identity-unavailable')
    expect(lines.some(({ level }) => level === 'error')).toBe(false)
  })
})
