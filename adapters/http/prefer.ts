/** `Prefer: return=minimal` (RFC 7240): a command's answer without the resource, for who would not read it. */
import type { Head } from '../../domain/head.ts'
import type { Operation } from '../routes/endpoints.ts'
import type { Route } from '../routes/route.ts'

/** What these answer is not the resource. */
const answersOfTheirOwn: ReadonlySet<Operation> = new Set([
  'openSession',
  'closeSession',
  'acceptMessage',
  'uploadArtifact',
])

export const takesPrefer = (operation: Operation): boolean => !answersOfTheirOwn.has(operation)

/** Preferences that are not known, or told twice, are passed over. */
export const prefersMinimal = (prefer: string | undefined): boolean => {
  const first = prefer?.split(',').find((preference) => /^\s*return\s*=/i.test(preference))
  return first !== undefined && /^\s*return\s*=\s*(?:minimal|"minimal")\s*(?:;|$)/i.test(first)
}

/** Kinds whose status is that of the resource too. */
const showingStatus: ReadonlySet<string> = new Set(['reservation', 'execution'])

/** The id, the status where there is one, and the version. */
export const briefly = (
  { kind, id: name }: Pick<NonNullable<Route['command']>, 'kind' | 'id'>,
  id: string,
  head: Head,
): Readonly<Record<string, unknown>> => {
  const { status } = head.state as { status: string }
  return { [name]: id, ...(showingStatus.has(kind) ? { status } : {}), version: head.version }
}
