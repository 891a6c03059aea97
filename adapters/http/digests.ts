/** Digests that a client sends along (RFC 9530): `Repr-Digest: sha-256=:base64:`, or `Content-Digest` as much. */
import type { InputFault } from '../routes/faults.ts'

type HeaderOf = (name: string) => string | undefined

const names = ['Repr-Digest', 'Content-Digest'] as const
const member = /(?:^|,)[ \t]*sha-256=:([A-Za-z0-9+/]{43}=):[ \t]*(?=$|[,;])/
const anySha256 = /(?:^|,)[ \t]*sha-256(?:=|$|[,;])/

/** The SHA-256 that is demanded, in lower-case hex; other algorithms are none of ours. */
export const digestOf = (header: HeaderOf): { name: string; sha256: string } | undefined => {
  for (const name of names) {
    const base64 = member.exec(header(name.toLowerCase()) ?? '')?.[1]
    if (base64 !== undefined) return { name, sha256: Buffer.from(base64, 'base64').toString('hex') }
  }
  return undefined
}

/** One that is meant, but can't be read: to take the bytes unchecked would be worse than to refuse them. */
export const digestFault = (header: HeaderOf): InputFault | undefined => {
  const name = names.find((each) => {
    const value = header(each.toLowerCase()) ?? ''
    return anySha256.test(value) && !member.test(value)
  })
  return name === undefined ? undefined : { path: name, message: 'sha-256=:{44 characters of base64}:' }
}
