import { spawn } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { benchplane, call, everything, startServer, temporaryDirectory, waitFor } from './server.ts'

const serve = (directory: string, ...args: string[]) =>
  benchplane(['serve', '--port', '0', '--data', directory, ...args])
const lines = (text: string) => text.trim().split('\n')

describe('a server that can not start says why in one line, and with its exit code', () => {
  test('the port is in use', async () => {
    const { url } = await startServer(temporaryDirectory())
    const { port } = new URL(url)
    const { code, stderr } = await benchplane(['serve', '--port', port, '--data', temporaryDirectory()])
    expect([code, lines(stderr).length]).toEqual([1, 1])
    expect(stderr).toMatch(new RegExp(`port ${port}.*in use`, 'i'))
  })
  test('a second server on the same data directory: the first one is not disturbed', async () => {
    const directory = temporaryDirectory()
    const { url } = await startServer(directory)
    const { code, stderr } = await serve(directory)
    expect([code, lines(stderr).length]).toEqual([1, 1])
    expect(stderr).toContain(directory)
    expect((await call(url, 'PUT', '/v1/messages/m1', { still: 'here' })).status).toBe(201)
  })
  test('the data directory can not be made', async () => {
    const file = join(temporaryDirectory(), 'a-file')
    writeFileSync(file, 'not a directory')
    const { code, stderr } = await serve(join(file, 'data'))
    expect([code, lines(stderr).length]).toEqual([1, 1])
    expect(stderr).toContain(file)
  })
  test('the data directory can not be written', async () => {
    const { code, stderr } = await serve('/proc/benchplane')
    expect([code, lines(stderr).length]).toEqual([1, 1])
    expect(stderr).toContain('/proc/benchplane')
  })
  test.each([
    ['overwritten', (file: string) => overwrite(file, 0, Buffer.alloc(4_096, 0x5a))],
    ['no database at all', (file: string) => writeFileSync(file, 'these are my notes '.repeat(1_000))],
    ['cut off', (file: string) => cutTo(file, 5_000)],
  ])('the history is %s: nothing is overwritten', async (_, damage) => {
    const directory = temporaryDirectory()
    const { url, child } = await startServer(directory)
    for (let n = 0; n < 50; n++) await call(url, 'PUT', `/v1/messages/m${n}`, { text: 'x'.repeat(500) })
    child.kill('SIGTERM')
    await waitFor(async () => child.exitCode !== null)
    const file = join(directory, 'history.db')
    damage(file)
    const { size } = statSync(file)
    const { code, stderr } = await serve(directory)
    expect([code, lines(stderr).length]).toEqual([7, 1])
    expect(stderr).toContain('history.db')
    expect(statSync(file).size).toBe(size)
  })
  test.each([
    ['--host', '0.0.0.0', 2, /loopback|identity/i],
    ['--port', '99999', 2, /port/i],
    ['--store', 'paper', 2, /store/i],
    ['--bogus', 'x', 2, /bogus/i],
  ])('%s %s is refused', async (option, value, expected, message) => {
    const { code, stderr } = await serve(temporaryDirectory(), option, value)
    expect(code).toBe(expected)
    expect(stderr).toMatch(message)
  })
})

const overwrite = (file: string, position: number, bytes: Buffer): void => {
  const handle = openSync(file, 'r+')
  writeSync(handle, bytes, 0, bytes.length, position)
  closeSync(handle)
}
const cutTo = (file: string, size: number): void => {
  const handle = openSync(file, 'r+')
  ftruncateSync(handle, size)
  closeSync(handle)
}

describe('a disk that is full', () => {
  test('refuses with 503, stays up, and has lost nothing when there is room again', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory()
    const entry = new URL('../../infra/benchplane.ts', import.meta.url).pathname
    // A limit on the size of files, in blocks of 512 bytes, with its signal ignored, is a full disk for who writes.
    const script = `trap '' XFSZ; ulimit -f 4000; exec "$0" "$@"`
    const child = spawn('sh', ['-c', script, process.execPath, entry, 'serve', '--port', '0', '--data', directory])
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const url = await new Promise<string>((resolve) => {
      const look = (chunk: Buffer) => {
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(chunk.toString())
        if (found !== null) resolve(found[0])
      }
      child.stdout.on('data', look)
      child.stderr.on('data', look)
    })
    await waitFor(async () => (await fetch(`${url}/readyz`)).ok)
    const acknowledged: string[] = []
    let refused: Awaited<ReturnType<typeof call>> | undefined
    for (let n = 0; n < 400 && refused === undefined; n++) {
      const answer = await call(url, 'PUT', `/v1/messages/m${n}`, { text: 'x'.repeat(20_000) })
      if (answer.status === 201) acknowledged.push(`m${n}`)
      else refused = answer
    }
    expect(refused).toMatchObject({ status: 503, body: { code: 'storage-unavailable' } })
    expect(refused?.headers.get('content-type')).toContain('application/problem+json')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect(acknowledged.length).toBeGreaterThan(10)
    child.kill('SIGKILL')
    await waitFor(async () => child.exitCode !== null || child.signalCode !== null)

    const { url: roomy } = await startServer(directory)
    for (const id of acknowledged) expect((await call(roomy, 'GET', `/v1/messages/${id}`)).status).toBe(200)
    expect((await call(roomy, 'PUT', '/v1/messages/after', { text: 'y' })).status).toBe(201)
    expect((await call(roomy, 'GET', '/v1/audit/verify')).body).toMatchObject({ ok: true })
    expect(
      (await everything<{ type: string }>(roomy, '/v1/events')).filter(({ type }) => type === 'MessageAccepted').length,
    ).toBeGreaterThanOrEqual(acknowledged.length + 1)
  })
})

test('what serve leaves in its data directory is known', async () => {
  const directory = temporaryDirectory()
  const { child } = await startServer(directory)
  child.kill('SIGTERM')
  await waitFor(async () => child.exitCode !== null)
  expect(child.exitCode).toBe(0)
  expect(readdirSync(directory).filter((name) => name.endsWith('-wal'))).toEqual([])
})
