import { createHmac, randomBytes } from 'node:crypto'

/** Signatures as Standard Webhooks has them (standardwebhooks.com), which libraries of most languages verify. */

const prefix = 'whsec_'
const secretPattern = /^whsec_[A-Za-z0-9+/]+={0,2}$/
const [keyBytesMin, keyBytesMax] = [24, 64]

export const newSecret = (): string => prefix + randomBytes(32).toString('base64')

/** What is wrong with a secret, without telling it; undefined when nothing is. */
export const secretFault = (secret: string): string | undefined => {
  const bytes = secretPattern.test(secret) ? keyOf(secret).length : 0
  return bytes >= keyBytesMin && bytes <= keyBytesMax
    ? undefined
    : `a webhook secret is whsec_ and ${keyBytesMin} to ${keyBytesMax} bytes in base64`
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(prefix.length), 'base64')

/** The headers that say who sent this body, and when: `timestamp` in seconds. */
export const signed = (
  secret: string,
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): Record<string, string> => {
  const mac = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': `v1,${mac}` }
}
