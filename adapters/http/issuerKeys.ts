/** An issuer's published keys, from where it says they are. What it answers is bounded, and checked before it is used. */
import { z } from 'zod'

/** The keys can't be had now: nobody's token is at fault. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}

const bytesMax = 256 * 1024
const keyCountMax = 100

const Discovered = z.object({ issuer: z.string(), jwks_uri: z.string().max(2_048) })
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(keyCountMax) })

/** What is sent in the clear may be changed on its way; on this machine there is none. */
export const isSafeUrl = (text: string): boolean => {
  const { protocol, hostname } = URL.canParse(text) ? new URL(text) : { protocol: '', hostname: '' }
  return protocol === 'https:' || (protocol === 'http:' && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname))
}

/** Throws `KeysUnavailable`, or what `fetch` throws. */
export const fetchKeys = async (
  { issuer, jwksUrl }: { issuer: string; jwksUrl?: string | undefined },
  signal: AbortSignal,
): Promise<object> => {
  const found = KeySet.safeParse(await jsonAt(jwksUrl ?? (await discovered(issuer, signal)), signal))
  if (!found.success) throw new KeysUnavailable(`no key set: ${z.prettifyError(found.error)}`)
  return found.data
}

const discovered = async (issuer: string, signal: AbortSignal): Promise<string> => {
  const url = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`
  const found = Discovered.safeParse(await jsonAt(url, signal))
  if (!found.success) throw new KeysUnavailable(`${url} does not say where the keys are`)
  const { issuer: named, jwks_uri: uri } = found.data
  if (named !== issuer) throw new KeysUnavailable(`${url} is of another issuer: ${named.slice(0, 200)}`)
  if (!isSafeUrl(uri)) throw new KeysUnavailable(`${url} names keys that are not at an https address`)
  return uri
}

const jsonAt = async (url: string, signal: AbortSignal): Promise<unknown> => {
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new KeysUnavailable(`${url} answers ${response.status}`)
  }
  try {
    return JSON.parse(await boundedText(response.body, url)) as unknown
  } catch (error) {
    throw error instanceof SyntaxError ? new KeysUnavailable(`${url} answers no JSON`, { cause: error }) : error
  }
}

const boundedText = async (body: ReadableStream<Uint8Array>, url: string): Promise<string> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > bytesMax) throw new KeysUnavailable(`${url} answers more than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
