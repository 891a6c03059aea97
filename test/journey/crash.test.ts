import { describe, expect, test, vi } from 'vitest'
import { call, everything, inHours, type RunningServer, startServer, waitFor } from './server.ts'
import { dynamodb, soonTakenOver, sqlite } from './stores.ts'

interface Sent {
  path: string
  method: string
  body: Record<string, unknown>
  key: string
  /** What the server acknowledged, word for word; absent when it died first. */
  answer?: { status: number; text: string }
}

const send = async (
  url: string,
  { path, method, body, key }: Sent,
): Promise<{ status: number; text: string; replayed: boolean }> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  })
  return {
    status: response.status,
    text: await response.text(),
    replayed: response.headers.get('idempotent-replayed') === 'true',
  }
}

/** Commands of all kinds, as fast as they are answered, until the server is gone. */
const load = async (server: RunningServer, round: number): Promise<Sent[]> => {
  const sent: Sent[] = []
  const isAlive = () => server.child.exitCode === null && server.child.signalCode === null
  const worker = async (lane: number) => {
    for (let n = 0; isAlive(); n++) {
      const id = `${round}-${lane}-${n}`
      const one: Sent =
        n % 3 === 0
          ? { method: 'PUT', path: `/v1/messages/m-${id}`, body: { id }, key: `key-${id}` }
          : n % 3 === 1
            ? { method: 'PATCH', path: `/v1/benches/hil-${lane}`, body: { location: id }, key: `key-${id}` }
            : {
                method: 'POST',
                path: '/v1/reservations',
                key: `key-${id}`,
                body: {
                  holder: id,
                  benches: [{ benchId: `hil-${lane}` }],
                  start: inHours(1 + round * 48 + n / 100),
                  durationMs: 30_000,
                },
              }
      sent.push(one)
      try {
        const { status, text } = await send(server.url, one)
        one.answer = { status, text }
      } catch {
        return
      }
    }
  }
  const lanes = Array.from({ length: 8 }, (_, lane) => worker(lane))
  await waitFor(async () => sent.filter(({ answer }) => answer !== undefined).length > 40 + round * 3)
  await server.kill()
  await Promise.all(lanes)
  return sent
}

describe.each([
  { ...sqlite, rounds: 20, env: {} },
  { ...dynamodb(), rounds: 5, env: soonTakenOver },
])('a server that is killed under load, in $store', ({ place, rounds, env }) => {
  test(`${rounds} times: every acknowledged command is there exactly once, every retry is answered the same, views equal the fold`, {
    timeout: 180_000,
  }, async () => {
    const lasting = place()
    const all: Sent[] = []
    for (let round = 0; round < rounds; round++) {
      const server = await startServer(lasting, [], env)
      if (round === 0)
        for (let lane = 0; lane < 8; lane++)
          await call(server.url, 'POST', '/v1/benches', { benchId: `hil-${lane}`, type: 'hil' })
      all.push(...(await load(server, round)))
    }
    const { url } = await startServer(lasting, [], env)
    const accepted = all.filter(({ answer }) => answer !== undefined && answer.status < 300)
    expect(accepted.length).toBeGreaterThan(rounds * 40)

    const commandIds = (await exportedCommits(url))
      .filter(({ siblings, stream }) => siblings === undefined || !stream.startsWith('bench/'))
      .map(({ commandId }) => commandId)
    const counts = new Map<string, number>()
    for (const id of commandIds) counts.set(id, (counts.get(id) ?? 0) + 1)
    for (const { key } of accepted) expect([key, counts.get(key)]).toEqual([key, 1])

    const recent = new Set(all.slice(-200))
    for (const one of all.filter(
      (sent) => sent.method === 'POST' || sent.path.startsWith('/v1/messages') || recent.has(sent),
    )) {
      const again = await send(url, one)
      if (one.answer === undefined || one.answer.status >= 300) continue
      expect({ key: one.key, text: again.text }).toEqual({ key: one.key, text: one.answer.text })
    }
    expect((await call(url, 'GET', '/v1/audit/verify')).body).toMatchObject({ ok: true })
    // They follow a moment later.
    await vi.waitFor(() => viewsEqualFolds(url), { timeout: 10_000, interval: 200 })
  })
})

interface Exported {
  stream: string
  commandId: string
  siblings?: string[]
}

const exportedCommits = async (url: string): Promise<Exported[]> => {
  const text = await (await fetch(`${url}/v1/audit/export`)).text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Exported)
}

const viewsEqualFolds = async (url: string): Promise<void> => {
  for (const [list, name] of [
    ['reservations', 'reservationId'],
    ['benches', 'benchId'],
  ] as const) {
    const rows = await everything<Record<string, unknown>>(url, `/v1/${list}`)
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      const { body } = await call(url, 'GET', `/v1/${list}/${String(row[name])}?consistent=true`)
      expect(row).toEqual(body)
    }
  }
}
