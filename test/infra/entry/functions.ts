import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { onTestFinished } from 'vitest'

const host = join(import.meta.dirname, 'functionHost.ts')

interface Told {
  id: number
  answer?: unknown
  error?: { name: string; message: string }
}

/** A function as it was bundled, in a process of its own that has the environment of its deployment and nothing else. */
export interface RunningFunction {
  invoke: (event: unknown) => Promise<unknown>
  /** What it has written so far: its log and its metrics. */
  lines: () => readonly string[]
}

/** Resolves when it is loaded. */
export const startFunction = async (bundle: string, environment: Record<string, string>): Promise<RunningFunction> => {
  const env = {
    PATH: process.env['PATH'] ?? '',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    ...environment,
  }
  const child = fork(host, [bundle], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--enable-source-maps'],
  })
  onTestFinished(() => ended(child))
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  child.on('message', ({ id, answer, error }: Told) => {
    if (error === undefined) waiting.get(id)?.resolve(answer)
    else waiting.get(id)?.reject(Object.assign(new Error(error.message), { name: error.name }))
  })
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the function has ended (${code}): ${said}`))
  })
  const told = (id: number): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    return answer.promise.finally(() => waiting.delete(id))
  }
  await told(0)
  let asked = 0
  const invoke = (event: unknown): Promise<unknown> => {
    const answer = told(++asked)
    child.send({ id: asked, event })
    return answer
  }
  return { invoke, lines: () => said.split('\n').filter((line) => line !== '') }
}

const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  child.kill()
  await exited
}

/** An HTTP API before the function, as its payload format 2.0 has it; answers where it is found. */
export const openGateway = async (api: RunningFunction): Promise<string> => {
  const server = createServer((message, response) => {
    const answered = async (): Promise<void> => {
      const body = await buffer(message)
      const url = new URL(message.url ?? '/', 'http://127.0.0.1')
      const answer = (await api.invoke({
        version: '2.0',
        rawPath: url.pathname,
        rawQueryString: url.search.slice(1),
        headers: message.headers,
        requestContext: { domainName: '127.0.0.1', http: { method: message.method } },
        ...(body.length > 0 && { body: body.toString('base64') }),
        isBase64Encoded: true,
      })) as APIGatewayProxyStructuredResultV2
      response.writeHead(answer.statusCode ?? 500, answer.headers as Record<string, string>)
      response.end(Buffer.from(answer.body ?? '', answer.isBase64Encoded === true ? 'base64' : 'utf8'))
    }
    answered().catch((error: unknown) => {
      response.writeHead(502).end(String(error))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
