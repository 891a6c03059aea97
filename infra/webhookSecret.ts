import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { newSecret, secretFault } from '../adapters/webhooks/signature.ts'
import { fault } from '../domain/faults.ts'
import type { Log } from './log.ts'

const fileName = 'webhook-secret'

/**
 * What callbacks are signed with: the one that is set, else the one in the data directory, made once and for its owner alone;
 * without a directory one for this process. It is never logged. Throws the fault `storage-unusable`.
 */
export const webhookSecretOf = (given: string | undefined, directory: string | undefined, log: Log): string => {
  if (given !== undefined) return given
  if (directory === undefined) {
    log.info({}, 'callbacks are signed with a secret of this process: set BENCHPLANE_WEBHOOK_SECRET to verify them')
    return newSecret()
  }
  const path = join(directory, fileName)
  try {
    return kept(path) ?? made(path, log)
  } catch (cause) {
    throw fault('storage-unusable', `${path}: ${(cause as Error).message}`, cause)
  }
}

const kept = (path: string): string | undefined => {
  let secret: string
  try {
    secret = readFileSync(path, 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // A process that died while it made it: nobody has been given it.
  if (secret === '') return undefined
  const wrong = secretFault(secret)
  if (wrong !== undefined) throw new Error(wrong)
  return secret
}

const ownerOnly = 0o600

const made = (path: string, log: Log): string => {
  const secret = newSecret()
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, 'w', ownerOnly)
  try {
    writeSync(file, `${secret}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  chmodSync(path, ownerOnly)
  log.info({ path }, 'a secret to sign callbacks with was made')
  return secret
}
