import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

export interface Received {
  headers: IncomingMessage['headers']
  body: string
  event: { id: string; type: string; data: { verdict?: string } }
}

/** Whether the signature is that of this secret, reckoned as Standard Webhooks says, not as we do. */
export const isSignedBy = (secret: string, { headers, body }: Received): boolean => {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(content).digest('base64')}`
}

/** Somebody on loopback who is called; `answer` says what is answered, 200 unless it says otherwise. */
export const openReceiver = async (
  answer: (received: Received, response: ServerResponse) => void = (_, response) => response.end(),
  port = 0,
) => {
  const got: Received[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const received = { headers: request.headers, body, event: JSON.parse(body) as Received['event'] }
      got.push(received)
      answer(received, response)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  onTestFinished(close)
  const actual = (server.address() as AddressInfo).port
  return { got, close, port: actual, url: `http://127.0.0.1:${actual}/hook` }
}
