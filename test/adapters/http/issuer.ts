import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'

/** How an issuer answers that is not well. */
export type Illness = 'down' | 'failing' | 'no JSON' | 'no keys' | 'endless' | 'elsewhere'

interface Key {
  alg: string
  kid: string
  privateKey: Parameters<SignJWT['sign']>[0]
  jwk: object
}

let made = 0

export const newKey = async (alg = 'ES256'): Promise<Key> => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const kid = `key-${++made}`
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), alg, kid, use: 'sig' } }
}

export const audience = 'benchplane'

const ill = (illness: Illness, response: ServerResponse): void => {
  if (illness === 'down') response.socket?.destroy()
  else if (illness === 'failing') response.writeHead(500).end('{}')
  else if (illness === 'no JSON') response.end('<html>')
  else if (illness === 'no keys') response.end('{"keys": 7}')
  else if (illness === 'endless') response.end(JSON.stringify({ keys: [], more: 'x'.repeat(300_000) }))
  else if (illness === 'elsewhere') response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
}

/** One who signs tokens, and publishes the keys at an address of its own. */
export const openIssuer = async () => {
  const first = await newKey()
  const published: Key[] = [first]
  let illness: Illness | undefined
  let requestCount = 0
  const server = createServer((request, response) => {
    requestCount++
    response.setHeader('content-type', 'application/json')
    if (illness !== undefined) return ill(illness, response)
    const isDiscovery = request.url === '/.well-known/openid-configuration'
    const said = isDiscovery ? { issuer: url(), jwks_uri: `${url()}/keys` } : { keys: published.map(({ jwk }) => jwk) }
    response.end(JSON.stringify(said))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url: url(),
    jwksUrl: `${url()}/keys`,
    requestCount: () => requestCount,
    published,
    /** From now on. */
    falls: (how: Illness | undefined): void => {
      illness = how
    },
    /** A good one for ada, unless told otherwise. A claim that is undefined is left out. */
    token: async (
      claims: JWTPayload = {},
      { key = published[0] ?? first, header = {} }: { key?: Key; header?: Partial<JWTHeaderParameters> } = {},
    ): Promise<string> => {
      const nowS = Math.floor(Date.now() / 1_000)
      const all = { iss: url(), aud: audience, sub: 'ada', iat: nowS, exp: nowS + 300, ...claims }
      const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
      return new SignJWT(said).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey)
    },
    close: async (): Promise<void> => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}
