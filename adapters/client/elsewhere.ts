/** Bytes may lie elsewhere than with the server: it says where, and they are fetched and brought there, without our token. */
import type { Settings } from './transport.ts'

/** Where bytes are to be brought, and the headers they come with. */
export interface Target {
  url: string
  headers: Readonly<Record<string, string>>
}

/** Nobody who was asked over TLS can send us on to where there is none. */
const isFit = ({ url }: Settings, location: string): boolean => {
  const given = URL.parse(location)
  return given?.protocol === 'https:' || (given?.protocol === 'http:' && new URL(url).protocol === 'http:')
}

/** Undefined when it can't be followed. */
export const locationOf = (settings: Settings, { headers }: Response): string | undefined => {
  const location = headers.get('location')
  return location !== null && isFit(settings, location) ? location : undefined
}

export const targetOf = (settings: Settings, text: string): Target | undefined => {
  try {
    const { url, headers } = JSON.parse(text) as Target
    return isFit(settings, url) ? { url, headers: headers ?? {} } : undefined
  } catch {
    return undefined
  }
}

/** A precondition failed: nothing was to be there already. */
const wasThere: ReadonlySet<number> = new Set([412])

/** Whether the answer of an upload's target means that the bytes are there: they may have been before. */
export const isBrought = ({ ok, status }: Response): boolean => ok || wasThere.has(status)
