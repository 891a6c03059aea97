import { exit, exits } from '../adapters/cli/exits.ts'
import { isFault } from '../domain/faults.ts'

/** SQLite: the file is malformed, or no database at all. */
const damage: ReadonlySet<number> = new Set([11, 26])

/** The SDK: what is said of settings that are missing. */
const unset = /region is missing|^CredentialsProviderError/i

/** No connection, or no answer. */
const isUnreached = (cause: Error): boolean =>
  cause.name === 'TimeoutError' ||
  ('code' in cause && /^(?:ECONN|EHOST|ENET|ENOTFOUND|EAI_|ETIMEDOUT|EPIPE)/.test(String(cause.code)))

/** What keeps a program from its stores, with the exit code that says why: the same for all that open them. */
export const cannotOpen = (error: unknown): Error => {
  if (!(error instanceof Error)) return new Error(String(error))
  const { cause } = error
  const errcode = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) & 0xff : 0
  if (isFault(error, 'hole-in-history') || damage.has(errcode)) return exit(exits.broken, error.message)
  if (cause instanceof Error && unset.test(`${cause.name}: ${cause.message}`)) return exit(exits.usage, error.message)
  if (cause instanceof Error && isUnreached(cause)) return exit(exits.unreachable, error.message)
  return exit(exits.failed, error.message)
}
