/** What the SQLite history promises beyond the contract: durability, and clear words when the disk or the file fails. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import type { Connect } from '../../adapters/sqlite/database.ts'
import { openHistory } from '../../adapters/sqlite/history.ts'
import type { EventStore } from '../../domain/ports.ts'
import { after, appended, drain, grow, hold } from '../contract/medium.ts'
import { temporaryDirectories } from './directories.ts'

const { fresh, closing } = temporaryDirectories()
const bench = 'acme/bench/rig-1'

const opened = (directory: string, connect?: Connect) =>
  closing(openHistory(connect === undefined ? { directory } : { directory, connect }))

/** The connection of a store, for tests that meddle with it. */
const meddled = (directory: string) => {
  let database: DatabaseSync | undefined
  const store = opened(directory, (file, options) => (database = new DatabaseSync(file, options)))
  return { store, database: database! }
}

/** Connections that call before they end a transaction. */
const onCommit =
  (call: () => void): Connect =>
  (file, options) => {
    const database = new DatabaseSync(file, options)
    const prepare = database.prepare.bind(database)
    database.prepare = (sql, ...more) => {
      const statement = prepare(sql, ...more)
      const run = statement.run.bind(statement)
      const calling = () => {
        call()
        return run()
      }
      return sql === 'COMMIT' ? Object.assign(statement, { run: calling }) : statement
    }
    return database
  }

const manyRigs = (count: number, size = 10) =>
  Array.from({ length: count }, (_, n) => after(`acme/bench/rig-${n}`, undefined, { events: [hold('x'.repeat(size))] }))

const outcomes = async (store: EventStore, commits: ReturnType<typeof manyRigs>) =>
  Promise.allSettled(commits.map((commit) => store.append([commit])))

describe('the engine itself', () => {
  test.each([
    "UPDATE commits SET body = '{}'",
    'UPDATE commits SET state = NULL',
    'DELETE FROM commits',
    "INSERT OR REPLACE INTO commits (stream, version, body, hash) VALUES ('acme/bench/rig-1', 1, '{}', x'00')",
    'UPDATE OR REPLACE commits SET version = 2 WHERE version = 1',
  ])('refuses to change history: %s', async (sql) => {
    const { store, database } = meddled(fresh())
    const commits = await grow(store, bench, [1, 1])
    expect(() => database.exec(sql)).toThrow('history is append-only')
    expect(await store.load(bench)).toEqual(commits)
  })

  test('writes what is asked for together in far fewer transactions, alone in one each', async () => {
    let transactionCount = 0
    const store = opened(
      fresh(),
      onCommit(() => transactionCount++),
    )
    await outcomes(store, manyRigs(64))
    expect(transactionCount).toBe(1)
    await grow(store, 'acme/bench/alone', [1, 1, 1])
    expect(transactionCount).toBe(4)
  })

  test('lets auditors read beside the writer, and only read', async () => {
    const directory = fresh()
    const store = opened(directory)
    const auditor = closing(openHistory({ directory, readOnly: true }))
    const commits = await grow(store, bench, [1, 1])
    expect(await auditor.load(bench)).toEqual(commits)
    await expect(auditor.append([after(bench, commits[1])])).rejects.toThrow('read only')
  })

  test('turns appends away when ten thousand are waiting, and writes those', async () => {
    const results = await outcomes(opened(fresh()), manyRigs(10_010))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(10)
    expect(refused[0]).toMatchObject({ reason: { code: 'storage-unusable', message: expect.stringContaining('busy') } })
  })
})

describe('an acknowledged append', () => {
  const script = `
    import { openHistory } from ${JSON.stringify(new URL('../../adapters/sqlite/history.ts', import.meta.url).href)}
    const [directory, commit] = process.argv.slice(1)
    const store = openHistory({ directory })
    const write = async (writer) => {
      for (let n = 0; ; n++) {
        const streams = ['acme/bench/' + writer + '-' + n, 'acme/worker/' + writer + '-' + n]
        await store.append(streams.map((stream) => ({ ...JSON.parse(commit), stream })))
        process.stdout.write(streams.join(' ') + '\\n')
      }
    }
    await Promise.all([0, 1, 2, 3].map(write))`

  test('is there after kill -9, and its lock is gone', async () => {
    const directory = fresh()
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      directory,
      JSON.stringify(after(bench)),
    ])
    const acknowledged: string[] = []
    for await (const line of createInterface(child.stdout)) {
      acknowledged.push(...line.split(' '))
      if (acknowledged.length === 400) child.kill('SIGKILL')
    }
    const store = opened(directory)
    expect(acknowledged.length).toBeGreaterThanOrEqual(400)
    for (const stream of acknowledged) expect(await store.load(stream)).toHaveLength(1)
    // What was not acknowledged is there as a pair or not at all.
    const found = await drain(store, undefined, 1_000)
    expect(found.length % 2).toBe(0)
    for (const { commit } of found)
      expect(await store.load(`acme/${commit.siblings?.[0]?.split('@')[0]}`)).toHaveLength(1)
  })

  test('keeps a second process out of its directory until it ends', async () => {
    const directory = fresh()
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      script,
      directory,
      JSON.stringify(after(bench)),
    ])
    await once(child.stdout, 'data')
    const busy = { code: 'storage-unusable', message: expect.stringContaining(`${directory} is in use`) }
    expect(() => openHistory({ directory })).toThrow(expect.objectContaining(busy))
    child.kill('SIGKILL')
    await once(child, 'close')
    const store = opened(directory)
    expect(() => openHistory({ directory })).toThrow(expect.objectContaining(busy))
    await store.close()
    await opened(directory).close()
  })
})

describe('a full disk', () => {
  const limit = (database: DatabaseSync, pages: number) => database.exec(`PRAGMA max_page_count = ${pages}`)

  test('fails the appends that found no room, keeps the others, and goes on when there is room', async () => {
    const { store, database } = meddled(fresh())
    limit(database, 40)
    const commits = manyRigs(60, 3_000)
    const results = []
    for (const commit of commits) results.push(...(await outcomes(store, [commit])))
    const isThere = await Promise.all(commits.map(async ({ stream }) => (await store.load(stream)).length === 1))
    expect(isThere).toEqual(results.map(({ status }) => status === 'fulfilled'))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBeGreaterThan(10)
    for (const each of refused) expect(each).toMatchObject({ reason: { code: 'storage-full' } })
    limit(database, 1_000_000)
    const missing = commits.filter((_, index) => isThere[index] === false)
    expect((await outcomes(store, missing)).every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(await drain(store)).toHaveLength(60)
  })

  test('fails the whole of a group, and writes nothing of it', async () => {
    const { store, database } = meddled(fresh())
    await grow(store, bench, [1])
    limit(database, 40)
    const results = await outcomes(store, manyRigs(60, 3_000).slice(2))
    expect(results.every(({ status }) => status === 'rejected')).toBe(true)
    expect(await drain(store)).toHaveLength(1)
  })

  test('met only when the transaction ends, is answered alike', async () => {
    let isFull = true
    const failure = Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 })
    const store = opened(
      fresh(),
      onCommit(() => {
        if (isFull) throw failure
      }),
    )
    await expect(store.append([after(bench)])).rejects.toMatchObject({ code: 'storage-full' })
    expect(await store.load(bench)).toEqual([])
    isFull = false
    expect(appended(await store.append([after(bench)]))).toHaveLength(1)
  })
})
