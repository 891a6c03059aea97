/** Where what lies in the bucket: the one place that spells keys. */
import type { ArtifactKey } from '../../domain/artifactStore.ts'
import { fault } from '../../domain/faults.ts'
import type { LogKey } from '../../domain/ports.ts'

/** No tenant begins with a dot: nothing of theirs can lie below these. The bucket lets what is in `incoming` expire. */
export const prefixes = { incoming: '.incoming/', payloads: '.payloads/' } as const

const part = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/
const hex = /^[0-9a-f]{64}$/

/** Names come validated: another here is a mistake, and is not to become another's key. */
const demanded = (pattern: RegExp, value: string, what: string): string => {
  if (!pattern.test(value)) throw fault('storage-unusable', `${JSON.stringify(value.slice(0, 100))} is no ${what}`)
  return value
}

const executionPrefix = ({ tenant, executionId }: { tenant: string; executionId: string }): string =>
  `${demanded(part, tenant, 'tenant')}/${demanded(part, executionId, 'execution id')}`

/** `{tenant}/{executionId}/artifacts/{sha256}` */
export const artifactKey = (key: ArtifactKey): string =>
  `${executionPrefix(key)}/artifacts/${demanded(hex, key.sha256, 'SHA-256')}`

/** `{tenant}/{executionId}/logs/{taskName}/{attempt}/` */
export const logPrefix = (key: LogKey): string => {
  const attempt = demanded(/^[1-9]\d{0,8}$/, `${key.attempt}`, 'attempt')
  return `${executionPrefix(key)}/logs/${demanded(part, key.taskName, 'task name')}/${attempt}/`
}

/** Digits of an offset, so that the order of the keys is that of the bytes. */
const offsetDigits = 20
export const offsetName = (offset: number): string => `${offset}`.padStart(offsetDigits, '0')
export const offsetOf = (key: string): number => Number(key.slice(-offsetDigits))
