import { setTimeout as wait } from 'node:timers/promises'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test, vi } from 'vitest'
import { type LogsOptions, openLogs } from '../../adapters/s3/logs.ts'
import { motoBuckets } from '../adapters/motoBuckets.ts'
import { logStoreContract } from '../contract/logStore.ts'

const s3 = motoBuckets()
const key = { tenant: 'default', executionId: 'e-1', taskName: 'a', attempt: 1 }
/** No look at the log that a test did not ask for. */
const never = { pollMs: 1e9 }

const opened = async (more: Partial<LogsOptions> = {}) => {
  const bucket = await s3.fresh()
  const another = (different: Partial<LogsOptions> = {}) => openLogs({ ...bucket, ...never, ...more, ...different })
  return { ...bucket, logs: another(), another }
}
const text = async (logs: ReturnType<typeof openLogs>, offset = 0, limit = 1e6) =>
  Buffer.from(await logs.read(key, offset, limit)).toString()
const bytes = (given: string) => Buffer.from(given)

logStoreContract('S3', async () => (await opened()).logs)
logStoreContract('S3, in chunks of three bytes', async () => (await opened({ chunkBytesMin: 3 })).logs)
logStoreContract('S3, of which nothing is remembered', async () => (await opened({ rememberedCountMax: 0 })).logs)

describe('a log in the bucket', () => {
  test('lies in chunks under their offsets, of which only the last is written again', async () => {
    const { logs, keys } = await opened({ chunkBytesMin: 8 })
    for (let offset = 0; offset < 40; offset += 4) await logs.append(key, offset, bytes('abcd'))
    const prefix = 'default/e-1/logs/a/1/'
    expect(await keys()).toEqual([0, 8, 16, 24, 32].map((each) => `${prefix}${`${each}`.padStart(20, '0')}`))
    expect(await text(logs)).toBe('abcd'.repeat(10))
    expect(await text(logs, 6, 6)).toBe('cdabcd')
  })

  test('takes one request an append while this process writes it, and three when it has not lately', async () => {
    const { logs, another } = await opened()
    await logs.append(key, 0, bytes('a'))
    s3.proxy().follow(() => undefined)
    await logs.append(key, 1, bytes('b'))
    await logs.append(key, 0, bytes('ab'))
    expect(s3.proxy().operations()).toEqual(['PutObject'])
    await another().append(key, 2, bytes('c'))
    expect(s3.proxy().operations()).toEqual(['PutObject', 'ListObjectsV2', 'GetObject', 'PutObject'])
    expect(await text(logs)).toBe('abc')
  })

  test('is written by 64 at once, through two processes: each byte is there once, in its place', async () => {
    const { another } = await opened({ chunkBytesMin: 64 })
    const whole = Array.from({ length: 64 }, (_, n) => `line ${`${n}`.padStart(3, '0')}\n`)
    const processes = [another(), another()]
    const append = async (_: string, n: number) =>
      processes[n % 2]?.append(key, 0, bytes(whole.slice(0, n + 1).join('')))
    const answers = await Promise.all(whole.map(append))
    expect(answers.every((answer, n) => answer?.kind === 'appended' && answer.size >= (n + 1) * 9)).toBe(true)
    for (const logs of [...processes, another()]) expect(await text(logs)).toBe(whole.join(''))
  })

  test('of two that write at once, the slower sees what the faster wrote', async () => {
    const { another } = await opened()
    const [one, two] = [another(), another()]
    await one.append(key, 0, bytes('ab'))
    await two.append(key, 2, bytes('cd'))
    // This one still takes the log for two bytes long.
    expect(await one.append(key, 2, bytes('cdef'))).toEqual({ kind: 'appended', size: 6 })
    expect(await two.append(key, 7, bytes('x'))).toEqual({ kind: 'gap', expected: 6 })
    expect(await two.append(key, 6, bytes('g'))).toEqual({ kind: 'appended', size: 7 })
    expect(await text(one)).toBe('abcdefg')
  })

  test('has what was written although the answer was lost, once', async () => {
    const { another, client, bucket } = await opened()
    const patient = openLogs({ ...(await s3.fresh({ attemptCountMax: 3 })), bucket, ...never })
    await patient.append(key, 0, bytes('ab'))
    let lost = 0
    s3.proxy().follow(({ operation }) => (operation === 'PutObject' && ++lost === 1 ? { kind: 'cut' } : undefined))
    // The SDK sends it again, and finds its own.
    expect(await patient.append(key, 2, bytes('cd'))).toEqual({ kind: 'appended', size: 4 })
    expect(lost).toBe(2)
    const impatient = another()
    await impatient.append(key, 4, bytes('e'))
    lost = 0
    await expect(impatient.append(key, 5, bytes('fg'))).rejects.toMatchObject({ code: 'storage-unusable' })
    expect(await impatient.append(key, 5, bytes('fg'))).toEqual({ kind: 'appended', size: 7 })
    expect(await text(openLogs({ client, bucket }))).toBe('abcdefg')
  })

  test('that can’t be reached is an outage that names it, and goes on after it', async () => {
    const { logs } = await opened()
    await logs.append(key, 0, bytes('ab'))
    s3.proxy().follow(() => ({ kind: 'answer', status: 503, code: 'SlowDown' }))
    await expect(logs.append(key, 2, bytes('c'))).rejects.toMatchObject({ code: 'storage-unusable' })
    await expect(logs.read(key, 0, 1)).rejects.toThrow(/s3:\/\/bucket-\d+\/default\/e-1\/logs\/a\/1\/.*SlowDown/)
    s3.proxy().follow(() => ({ kind: 'refused' }))
    await expect(logs.append(key, 2, bytes('c'))).rejects.toMatchObject({ code: 'storage-unusable' })
    s3.proxy().follow(() => undefined)
    expect(await logs.append(key, 2, bytes('c'))).toEqual({ kind: 'appended', size: 3 })
    expect(await text(logs)).toBe('abc')
  })

  test('whose writes meet in the service goes on', async () => {
    const { logs } = await opened()
    let met = 0
    s3.proxy().follow(() =>
      ++met === 2 ? { kind: 'answer', status: 409, code: 'ConditionalRequestConflict' } : undefined,
    )
    expect(await logs.append(key, 0, bytes('ab'))).toEqual({ kind: 'appended', size: 2 })
    expect(s3.proxy().operations()).toEqual(['ListObjectsV2', 'PutObject', 'PutObject'])
  })

  test('of which something is gone is an outage, not a shorter log', async () => {
    const { logs, client, bucket, keys, another } = await opened({ chunkBytesMin: 2 })
    for (const [offset, piece] of ['ab', 'cd', 'ef'].entries()) await logs.append(key, offset * 2, bytes(piece))
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: (await keys())[1] }))
    await expect(another().read(key, 0, 9)).rejects.toThrow('what comes before it is gone')
    await expect(logs.read(key, 0, 9)).rejects.toMatchObject({ code: 'storage-unusable' })
  })

  test('is never another’s, whatever the names are', async () => {
    const { logs, keys } = await opened()
    const hostile = [
      { taskName: '../b' },
      { taskName: 'a/1' },
      { executionId: '' },
      { tenant: '.incoming' },
      { attempt: 0.5 },
    ]
    for (const wrong of hostile)
      await expect(logs.append({ ...key, ...wrong }, 0, bytes('x'))).rejects.toMatchObject({ code: 'storage-unusable' })
    await logs.append({ ...key, attempt: 10 }, 0, bytes('ten'))
    expect(await text(logs)).toBe('')
    expect(await keys()).toHaveLength(1)
  })
})

describe('who follows a log', () => {
  test('hears of what came through another process, and is looked for only while he follows', async () => {
    const { logs, another } = await opened({ pollMs: 10 })
    let grown = 0
    const stop = logs.follow(key, () => {
      grown += 1
    })
    await vi.waitFor(() => expect(s3.proxy().operations()).toContain('ListObjectsV2'))
    expect(grown).toBe(0)
    await another().append(key, 0, bytes('a'))
    await vi.waitFor(() => expect(grown).toBe(1), 5_000)
    await logs.append(key, 1, bytes('b'))
    expect(grown).toBe(2)
    stop()
    await another().append(key, 2, bytes('c'))
    s3.proxy().follow(() => undefined)
    await wait(60)
    expect([grown, s3.proxy().operations()]).toEqual([2, []])
  })

  test('looks himself when nobody can look for him', async () => {
    const { logs } = await opened({ pollMs: 10 })
    s3.proxy().follow(() => ({ kind: 'answer', status: 500, code: 'InternalError' }))
    const told = Promise.withResolvers<void>()
    const stop = logs.follow(key, told.resolve)
    await told.promise
    stop()
  })
})
