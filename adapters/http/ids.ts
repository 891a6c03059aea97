import type { Services } from '../../projections/services.ts'

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * The id of a stream that a client starts without naming it: 26 characters of Crockford's alphabet, like a ULID, from a
 * hash of tenant, kind and key. So a retry, however late and wherever it arrives, addresses the same stream.
 */
export const idFromKey = ({ hash }: Pick<Services, 'hash'>, tenant: string, kind: string, key: string): string => {
  const digest = BigInt(`0x${hash([tenant, kind, key]).slice(0, 32)}`)
  const characters = Array.from(
    { length: 26 },
    (_, index) => crockford[Number((digest >> BigInt(125 - 5 * index)) & 31n)],
  )
  return characters.join('')
}
