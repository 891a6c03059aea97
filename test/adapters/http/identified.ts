import { expect } from 'vitest'
import { type IdentityOptions, openIdentity } from '../../../adapters/http/identity.ts'
import { openLines } from '../../infra/house.ts'
import { temporaryDirectories } from '../directories.ts'
import { type Answered, bench, expectProblem, openDriver } from './driver.ts'
import { audience, openIssuer } from './issuer.ts'

/** Apps that ask for tokens of an issuer of their own, closed after each test. */
export const issuedDrivers = () => {
  const { closing } = temporaryDirectories()
  const opened = async (options: Partial<IdentityOptions> = {}) => {
    const issuer = closing(await openIssuer())
    const { lines, log } = openLines()
    const driver = openDriver({}, { identity: openIdentity({ issuer: issuer.url, audience, log, ...options }) })
    const bearing = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })
    return {
      issuer,
      lines,
      driver,
      /** A request that needs to know who asks. */
      ask: async (token: string): Promise<Answered> => driver.get('/v1/benches', bearing(token)),
      tell: async (token: string): Promise<Answered> => driver.post('/v1/benches', bench, bearing(token)),
    }
  }
  return { opened }
}

export const expectRefused = (answered: Answered, why: RegExp): void => {
  expectProblem(answered, 401, 'unauthenticated')
  expect(answered.body.detail).toMatch(why)
  expect(answered.headers.get('www-authenticate')).toBe(
    `Bearer realm="benchplane", error="invalid_token", error_description="${answered.body.detail}"`,
  )
}
