/**
 * Who may speak to a server that asks nobody for a name: programs on this machine, and pages that this server itself has
 * served. A page from elsewhere reaches a loopback port too, by its address or by a name that its owner points here
 * (DNS rebinding); it can't choose its Host, its Origin or its Sec-Fetch-Site.
 */
import { problem } from './problems.ts'
import type { Reply } from './replies.ts'

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

export interface GuardedHeaders {
  method: string
  host: string
  origin: string | undefined
  fetchSite: string | undefined
}

/** Why a request is turned away; undefined when it may pass. Reading needs only the right host: without CORS no other page sees the answer. */
export const guard = ({ method, host, origin, fetchSite }: GuardedHeaders): Reply | undefined => {
  if (!loopback.test(host))
    return problem('host-not-allowed', 'without identity configured, only loopback is served', { host })
  if (method === 'GET' || method === 'HEAD') return undefined
  const isForeign = origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`
  if (!isForeign && (fetchSite === undefined || fetchSite === 'same-origin' || fetchSite === 'none')) return undefined
  return problem('origin-not-allowed', 'a page of another origin may not command this server', {
    origin: origin ?? null,
  })
}
