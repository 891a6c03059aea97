/** Who calls, where identity is configured: a bearer token of one issuer, checked against the keys that it publishes. */
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import type { Actor } from '../../domain/event.ts'
import { slugPattern } from '../../domain/ids.ts'
import type { House } from './house.ts'
import { fetchKeys, KeysUnavailable } from './issuerKeys.ts'
import { problem } from './problems.ts'
import type { Reply } from './replies.ts'

export interface IdentityOptions {
  /** As the tokens' `iss` has it, to the letter. */
  issuer: string
  /** What the tokens' `aud` must hold. */
  audience: string
  /** Where the keys are. Default: what the issuer's `/.well-known/openid-configuration` says. */
  jwksUrl?: string | undefined
  /** The claim that names the tenant. Default: everybody is of the tenant `default`. */
  tenantClaim?: string | undefined
  log: House['log']
  now?: () => Date
  /** Keys are fetched again after this, while those that are there still do. Default ten minutes. */
  refreshMs?: number
  /** Without new ones, keys are good for so long. Default an hour. */
  keysMsMax?: number
  /** A key that is not known is asked for at most so often. Default 30 000. */
  cooldownMs?: number
  /** After a failure the issuer is left alone for so long. Default 5 000. */
  pauseMs?: number
}

export interface Who {
  tenant: string
  actor: Actor
}

export interface Identity {
  /** From the header `Authorization`. The reply says why not: 401, or 503 while the keys can't be had. */
  identify(authorization: string | undefined, correlationId: string): Promise<Who | { reply: Reply }>
}

/** No secrets shared with the issuer, and nothing unsigned: a public key is never taken for a secret. */
const algorithms = ['RS256', 'ES256']
const clockToleranceS = 60
const tokenCharsMax = 8_192
const subjectCharsMax = 255

export const openIdentity = (options: IdentityOptions): Identity => {
  const { log, now = () => new Date() } = options
  const keys = openKeys(options)
  const demands = {
    issuer: options.issuer,
    audience: options.audience,
    algorithms,
    clockTolerance: clockToleranceS,
    requiredClaims: ['sub', 'exp'],
  }
  const refusedFor = (error: unknown, correlationId: string): { reply: Reply } => {
    if (isUnavailable(error)) {
      log.warn({ correlationId, err: error }, 'a token cannot be checked')
      return { reply: problem('identity-unavailable', 'the keys that tokens are checked with cannot be had now') }
    }
    if (!(error instanceof errors.JOSEError)) log.warn({ correlationId, err: error }, 'a token could not be read')
    else log.debug({ correlationId, err: error }, 'a token was refused')
    return { reply: unauthenticated(reasonOf(error)) }
  }
  return {
    identify: async (authorization, correlationId) => {
      const token = authorization === undefined ? undefined : /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
      if (token === undefined) return { reply: unauthenticated() }
      if (token.length > tokenCharsMax)
        return { reply: unauthenticated(`a token has at most ${tokenCharsMax} characters`) }
      try {
        const { payload } = await jwtVerify(token, keys, { ...demands, currentDate: now() })
        return whoIs(payload, options.tenantClaim)
      } catch (error) {
        return refusedFor(error, correlationId)
      }
    },
  }
}

const openKeys = (options: IdentityOptions) => {
  const { issuer, jwksUrl, log } = options
  const { refreshMs = 600_000, keysMsMax = 3_600_000, cooldownMs = 30_000, pauseMs = 5_000 } = options
  const state = { fetchedAtMs: 0, pausedUntilMs: 0, failureCount: 0 }
  const fetched = async (_: string, { signal }: { signal: AbortSignal }): Promise<Response> => {
    if (performance.now() < state.pausedUntilMs) throw new KeysUnavailable('they could not be fetched a moment ago')
    try {
      const set = await fetchKeys({ issuer, jwksUrl }, signal)
      state.fetchedAtMs = performance.now()
      return Response.json(set)
    } catch (error) {
      state.pausedUntilMs = performance.now() + pauseMs
      log.error({ issuer, count: ++state.failureCount, err: error }, 'the issuer’s keys cannot be fetched')
      throw error instanceof KeysUnavailable ? error : new KeysUnavailable(String(error), { cause: error })
    }
  }
  const keys = createRemoteJWKSet(new URL(jwksUrl ?? issuer), {
    cooldownDuration: cooldownMs,
    cacheMaxAge: keysMsMax,
    [customFetch]: fetched,
  })
  return async (...asked: Parameters<typeof keys>): ReturnType<typeof keys> => {
    const isOld = performance.now() - state.fetchedAtMs > refreshMs
    // A failure has been told, and what is there is good for a while yet.
    if (keys.fresh && isOld && !keys.reloading && performance.now() >= state.pausedUntilMs)
      keys.reload().catch(() => {})
    return keys(...asked)
  }
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof KeysUnavailable || error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid

const unauthenticated = (reason?: string): Reply => {
  const told = reason === undefined ? '' : `, error="invalid_token", error_description="${reason}"`
  return problem(
    'unauthenticated',
    reason ?? 'this needs a token: send Authorization: Bearer, and the token',
    {},
    {
      'www-authenticate': `Bearer realm="benchplane"${told}`,
    },
  )
}

/** In words that hold nothing of the token: they are sent in a header. */
const reasonOf = (error: unknown): string => {
  if (error instanceof errors.JWTExpired) return 'the token has expired'
  if (error instanceof errors.JWTClaimValidationFailed)
    return reasons[error.claim] ?? 'a claim of the token is not as it must be'
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'the token is signed with a key that the issuer does not publish'
  if (error instanceof errors.JOSEAlgNotAllowed) return `the token is to be signed by ${algorithms.join(' or ')}`
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong'
  return 'this is no token that can be read'
}

const reasons: Readonly<Record<string, string>> = {
  iss: 'the token is of another issuer',
  aud: 'the token is for another audience',
  sub: 'the token names nobody: it has no sub',
  exp: 'the token never expires: it has no exp',
  nbf: 'the token is not valid yet',
}

const whoIs = (claims: JWTPayload, tenantClaim: string | undefined): Who | { reply: Reply } => {
  const { sub = '' } = claims
  if (!isSubject(sub))
    return { reply: unauthenticated(`the sub of the token is not 1 to ${subjectCharsMax} printable characters`) }
  const tenant = tenantClaim === undefined ? 'default' : claims[tenantClaim]
  // It stands in the names of streams: with a slash it would be those of another.
  if (typeof tenant !== 'string' || !slugPattern.test(tenant))
    return { reply: unauthenticated('the token names no tenant in the claim that this server asks for') }
  return { tenant, actor: { kind: kindOf(claims), id: sub } }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const isSubject = (sub: unknown): boolean => typeof sub === 'string' && /^[^\u0000-\u001f\u007f]{1,255}$/.test(sub)

/**
 * The claim `benchplane_kind` says it, where the issuer adds one. Else a token that a client was given for itself, not for
 * somebody who uses it, is a service's: its subject is the client (RFC 9068).
 */
const kindOf = ({ sub, benchplane_kind: told, client_id: client, azp }: JWTPayload): Actor['kind'] => {
  if (told === 'user' || told === 'worker' || told === 'service') return told
  return sub === client || sub === azp ? 'service' : 'user'
}
