import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finished, logOf, openLab, submit } from '../adapters/agent/lab.ts'
import { anybody } from '../adapters/moto.ts'
import { motoBuckets } from '../adapters/motoBuckets.ts'
import { type House, taken } from '../adapters/programs.ts'

const s3 = motoBuckets()

/** A server whose logs and artifacts lie in a bucket of its own, as its operator starts it. */
const openBucketLab = async () => {
  const { bucket, keys } = await s3.fresh()
  const house = await openLab(['b1'], {
    environment: {
      BENCHPLANE_BUCKET: bucket,
      BENCHPLANE_HEARTBEAT_EVERY_MS: '200',
      BENCHPLANE_LEASE_MS: '20000',
      AWS_ENDPOINT_URL_S3: s3.proxy().endpoint,
      AWS_REGION: anybody.region,
      AWS_ACCESS_KEY_ID: anybody.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: anybody.credentials.secretAccessKey,
      AWS_MAX_ATTEMPTS: '1',
    },
  })
  return { house, keys }
}
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

const session = { epoch: 1, workerId: 'w1' }
const attempt = { executionId: 'E1', taskName: 'a', attempt: 1 }

/** Attempt 1 of task `a` runs, for a worker that a test plays. */
const openAttempt = async ({ client }: House): Promise<void> => {
  taken(await client.enrolWorker({ params: { workerId: 'w1' }, body: {} }))
  taken(await client.openSession({ params: { workerId: 'w1' }, body: { benches: ['b1'], agentVersion: 'test' } }))
  const tasks = [{ name: 'a', run: null }]
  taken(await client.submitExecution({ body: { executionId: 'E1', reservationId: 'r-b1', tasks } }))
  taken(await client.claimTask({ params: { workerId: 'w1' }, body: { epoch: 1, waitMs: 5_000 } }))
}

test('an agent’s whole run leaves its logs and artifacts in the bucket, the large past the server', async () => {
  const { house, keys } = await openBucketLab()
  house.agent('w1', ['b1'])
  const script = `
    const { writeFileSync } = require('node:fs')
    const at = process.env.BENCHPLANE_ARTIFACTS_DIR
    writeFileSync(at + '/small.txt', 'small')
    writeFileSync(at + '/large.bin', Buffer.alloc(6_000_000, 'benchplane'))
    process.stdout.write('✓ line\\n'.repeat(60_000))`
  await submit(house, 'E1', [{ name: 'a', run: { command: ['node', '-e', script] } }])
  const execution = await finished(house, 'E1')
  expect(execution).toMatchObject({
    verdict: 'passed',
    tasks: [{ attempts: [{ artifacts: ['large.bin', 'small.txt'] }] }],
  })
  const log = await logOf(house, 'E1', 'a')
  expect(log.startsWith('✓ line\n'.repeat(60_000))).toBe(true)
  expect(log.slice(7 * 60_000)).toMatch(/^.*2 of 2 artifacts uploaded\n$/)
  const large = Buffer.alloc(6_000_000, 'benchplane')
  const there = await keys()
  expect(there).toEqual(expect.arrayContaining(['small', large].map((each) => `default/E1/artifacts/${sha256(each)}`)))
  expect(there.filter((key) => key.startsWith('default/E1/logs/a/1/')).length).toBeGreaterThan(1)
  const operations = s3.proxy().operations()
  expect(operations.filter((each) => each === 'presigned PutObject')).toHaveLength(1)
  expect(operations).not.toContain('UploadPart')
  for (const kept of ['logs', 'artifacts']) expect(existsSync(join(house.directory, 'data', kept))).toBe(false)

  const file = join(house.directory, 'fetched.bin')
  const fetched = await house.benchplane('execution', 'artifact', 'E1', 'a', 'large.bin', '-o', file)
  expect([fetched.code, fetched.stderr]).toEqual([0, expect.anything()])
  expect(readFileSync(file).equals(large)).toBe(true)
  expect(s3.proxy().operations()).toContain('presigned GetObject')
})

test('a plain client uploads through the server, and is sent on to what it fetches', async () => {
  const { house } = await openBucketLab()
  await openAttempt(house)
  const address = `${house.url}/v1/executions/E1/tasks/a/attempts/1/artifacts/x.txt`
  const by = '?epoch=1&workerId=w1'
  const put = (body: string) => fetch(`${address}${by}`, { method: 'PUT', body })
  expect([(await put('0123456789')).status, (await put('0123456789')).status, (await put('x')).status]).toEqual([
    201, 200, 409,
  ])
  const whole = await fetch(address)
  expect([whole.redirected, whole.headers.get('content-disposition'), await whole.text()]).toEqual([
    true,
    'attachment; filename="x.txt"',
    '0123456789',
  ])
  const part = await fetch(address, { headers: { range: 'bytes=2-4' } })
  expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 2-4/10', '234'])
  const here = await fetch(`${address}?redirect=false`, { headers: { range: 'bytes=2-4' } })
  expect([here.redirected, here.status, await here.text()]).toEqual([false, 206, '234'])
  const known = await fetch(address, { headers: { 'if-none-match': `"${sha256('0123456789')}"` } })
  expect(known.status).toBe(304)
})

test('while the bucket does not answer, what needs it is told to come back, and works when it does again', async () => {
  const { house } = await openBucketLab()
  await openAttempt(house)
  const address = `${house.url}/v1/executions/E1/tasks/a/attempts/1`
  const put = (body: string) => fetch(`${address}/artifacts/x.txt?epoch=1&workerId=w1`, { method: 'PUT', body })
  const body = { ...session, offset: 0, text: 'line\n' }
  const append = () => house.client.appendLog({ params: attempt, body }, { retryForMs: 0 })
  s3.proxy().follow(() => ({ kind: 'refused' }))
  const refused = await put('x')
  expect([refused.status, refused.headers.get('retry-after'), (await refused.json()) as object]).toEqual([
    503,
    '5',
    expect.objectContaining({ code: 'storage-unavailable' }),
  ])
  expect(await append()).toMatchObject({ ok: false, problem: { status: 503, code: 'storage-unavailable' } })
  // Commands do without it.
  expect((await house.client.getExecution({ params: { executionId: 'E1' } })).ok).toBe(true)
  s3.proxy().follow(() => undefined)
  expect((await put('x')).status).toBe(201)
  expect(await append()).toMatchObject({ ok: true, value: { size: 5 } })
  expect(await logOf(house, 'E1', 'a')).toBe('line\n')
})

test('who follows a log hears of it through S3 too, to its end', async () => {
  const { house } = await openBucketLab()
  await openAttempt(house)
  const { client } = house
  const log = client.followLog({ params: { executionId: 'E1' }, query: { taskName: 'a', attempt: 1 } })
  const texts: string[] = []
  const following = (async () => {
    for await (const message of log) {
      if (message.kind !== 'message') continue
      if (message.event === 'end') return message.data
      texts.push((JSON.parse(message.data) as { text: string }).text)
    }
    return undefined
  })()
  taken(await client.appendLog({ params: attempt, body: { ...session, offset: 0, text: 'eins ✓\n' } }))
  await expect.poll(() => texts.join('')).toBe('eins ✓\n')
  taken(await client.appendLog({ params: attempt, body: { ...session, offset: 9, text: 'zwei\n' } }))
  taken(await client.completeAttempt({ params: attempt, body: session }))
  expect(await following).toContain('passed')
  expect(texts.join('')).toBe('eins ✓\nzwei\n')
})
