import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { anybody } from './moto.ts'

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * Why the service refuses a request to a presigned address, which moto lets pass: its signature covers the method, the
 * address and the headers it names, with their values (AWS Signature Version 4).
 */
export const presignedFault = ({ method = '', url = '', headers }: IncomingMessage): string | undefined => {
  const { pathname, searchParams } = new URL(url, 'http://s3')
  const given = searchParams.get('X-Amz-Signature')
  if (given === null) return undefined
  const value = (name: string): string => searchParams.get(name) ?? ''
  const at = value('X-Amz-Date')
  const signed = value('X-Amz-SignedHeaders')
  const query = [...searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, each]) => `${encoded(name)}=${encoded(each)}`)
    .sort()
    .join('&')
  const told = signed.split(';').map((name) => `${name}:${String(headers[name] ?? '').trim()}\n`)
  const request = [method, pathname, query, told.join(''), signed, 'UNSIGNED-PAYLOAD'].join('\n')
  const [, ...scope] = value('X-Amz-Credential').split('/')
  const text = ['AWS4-HMAC-SHA256', at, scope.join('/'), createHash('sha256').update(request).digest('hex')].join('\n')
  const key = scope.reduce<string | Buffer>(
    (before, each) => hmac(before, each),
    `AWS4${anybody.credentials.secretAccessKey}`,
  )
  if (hmac(key, text).toString('hex') !== given) return 'SignatureDoesNotMatch'
  const begunMs = Date.parse(at.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  return Date.now() > begunMs + Number(value('X-Amz-Expires')) * 1_000 ? 'AccessDenied' : undefined
}
