import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { taken } from '../programs.ts'
import { shareHouse } from './sharedHouse.ts'

/** What an attempt has left, as people fetch it: one server, on whose bench attempt 1 of `a` runs. */
const { house, shown, json } = shareHouse()
const content = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7) % 256))
const at = (name: string): string => join(house().directory, name)

beforeAll(async () => {
  const { client } = house()
  taken(await client.registerBench({ body: { benchId: 'b1', type: 'sil', capabilities: [] } }))
  const benches = [{ benchId: 'b1' }]
  taken(
    await client.requestReservation({ body: { reservationId: 'R', holder: 'ann', benches, durationMs: 3_600_000 } }),
  )
  const tasks = [{ name: 'a', run: { command: 'true' } }]
  taken(await client.submitExecution({ body: { executionId: 'E', reservationId: 'R', tasks } }))
  taken(await client.enrolWorker({ params: { workerId: 'w1' } }))
  const params = { workerId: 'w1' }
  const { epoch } = taken(await client.openSession({ params, body: { benches: ['b1'], agentVersion: 't' } }))
  taken(await client.claimTask({ params, body: { epoch, waitMs: 10_000 } }))
  const upload = (path: string, bytes: Buffer) =>
    client.uploadArtifact({
      params: { executionId: 'E', taskName: 'a', attempt: 1, path },
      query: { epoch, workerId: 'w1' },
      source: {
        bytes: bytes.length,
        async *open() {
          yield bytes
        },
      },
    })
  taken(await upload('reports/junit.xml', Buffer.from('<testsuites/>')))
  taken(await upload('trace.bin', content))
})

test('execution artifacts lists them', async () => {
  expect(await shown('execution artifacts E')).toMatch(
    /a +1 +reports\/junit\.xml +13 B [^]*a +1 +trace\.bin +300\.0 kB /,
  )
  expect(await json('execution artifacts E')).toMatchObject([
    { path: 'reports/junit.xml', bytes: 13 },
    { bytes: 300_000 },
  ])
})

test('execution artifact fetches one, whole and checked, and leaves what is there alone', async () => {
  const file = at('fetched.bin')
  expect(await shown(`execution artifact E a trace.bin -o ${file}`)).toMatch(/300\.0 kB, fetched, its SHA-256 is right/)
  expect(readFileSync(file).equals(content)).toBe(true)
  expect(existsSync(`${file}.part`)).toBe(false)
  expect(await shown(`execution artifact E a trace.bin -o ${file}`)).toMatch(/is there already/)
  const other = at('other.bin')
  writeFileSync(other, 'mine')
  const refused = await house().benchplane('execution', 'artifact', 'E', 'a', 'trace.bin', '-o', other)
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('is there: choose another name')])
  expect(readFileSync(other, 'utf8')).toBe('mine')
})

test('execution artifact goes on where it broke off, and begins anew when that was something else', async () => {
  const resumed = at('resumed.bin')
  writeFileSync(`${resumed}.part`, content.subarray(0, 200_000))
  expect(await json(`execution artifact E a trace.bin -o ${resumed}`)).toMatchObject({ resumedAt: 200_000 })
  expect(readFileSync(resumed).equals(content)).toBe(true)
  for (const [name, part] of [
    ['another.bin', Buffer.alloc(200_000, 1)],
    ['longer.bin', Buffer.alloc(400_000, 1)],
    ['same.bin', content],
  ] as const) {
    writeFileSync(at(`${name}.part`), part)
    await json(`execution artifact E a trace.bin -o ${at(name)}`)
    expect(readFileSync(at(name)).equals(content), name).toBe(true)
    expect(existsSync(at(`${name}.part`))).toBe(false)
  }
})

test('execution artifact says what there is when there is no such file', async () => {
  const { code, stderr } = await house().benchplane('execution', 'artifact', 'E', 'a', 'nope.bin')
  expect([code, stderr]).toEqual([3, expect.stringMatching(/a has left no nope\.bin\n[^]*there is: trace\.bin/)])
  expect((await house().benchplane('execution', 'artifact', 'E', 'a', 'trace.bin', '-o', '/nowhere/x')).code).toBe(2)
})
