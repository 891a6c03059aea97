import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exits } from '../../../adapters/cli/exits.ts'
import { noLog } from '../../../infra/log.ts'
import { redriveLetters } from '../../../infra/redrive.ts'
import { followGenerations, prepareGenerations } from '../../../infra/shared/generations.ts'
import { openSharedStores } from '../../../infra/shared/stores.ts'
import { localEngine } from '../../adapters/dynamodbLocal.ts'
import { run } from '../../adapters/programs.ts'
import { writePath } from '../../writePath.ts'

const engine = localEngine()
const settings = {
  AWS_REGION: 'local',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
} as const
const before = new Map<string, string | undefined>()
const put = (name: string, value: string | undefined): void => {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}
beforeAll(() => {
  const all = { ...settings, AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint() }
  for (const [name, value] of Object.entries(all)) {
    before.set(name, process.env[name])
    put(name, value)
  }
})
afterAll(() => {
  for (const [name, value] of before) put(name, value)
})

describe('the command redrive', () => {
  test('finds the letters that a server keeps in its tables, and leaves what it cannot do', async () => {
    const tablePrefix = await engine.tables()
    const stores = await openSharedStores({ tablePrefix })
    try {
      await prepareGenerations(stores.generations, stores.history, { log: noLog })
      await writePath(stores.history).send('bench', 'b1', 'RegisterBench', { benchId: 'b1', type: 'hil' })
      const letter = { version: 1, error: 'unforeseen', at: '2026-03-01T10:00:00.000Z' }
      const own = { ...letter, stream: 't/bench/b1', sequenceNumber: '1' }
      await stores.streamLetters.keep([
        { ...own, consumer: 'project' },
        { ...own, consumer: 'publish' },
        { ...letter, consumer: 'project', stream: 't/bench/nobody', sequenceNumber: '2' },
      ])
      const told = await redriveLetters({ tablePrefix, limit: 10 })
      expect(told.toSorted((a, b) => (a.letter < b.letter ? -1 : 1))).toEqual([
        { letter: 'project t/bench/b1@1', outcome: 'done', reason: '' },
        { letter: 'project t/bench/nobody@1', outcome: 'failed', reason: expect.stringContaining('no such commit') },
        { letter: 'publish t/bench/b1@1', outcome: 'failed', reason: expect.stringContaining('--bus') },
      ])
      const following = await followGenerations({ generations: stores.generations, log: noLog, everyMs: 0 })
      expect(await following.views().read('benches', 't', ['b1'])).toHaveLength(1)
      expect((await redriveLetters({ tablePrefix, limit: 10 })).map(({ outcome }) => outcome)).toEqual([
        'failed',
        'failed',
      ])
      expect(await redriveLetters({ tablePrefix, limit: 1 })).toHaveLength(1)
    } finally {
      await stores.close()
    }
  })

  test('does what the feed lacks, and takes away the marks of what was lost', async () => {
    const tablePrefix = await engine.tables()
    const stores = await openSharedStores({ tablePrefix })
    try {
      await prepareGenerations(stores.generations, stores.history, { log: noLog })
      for (const benchId of ['b1', 'b2'])
        await writePath(stores.history).send('bench', benchId, 'RegisterBench', { benchId, type: 'hil' })
      const range = { streamArn: 'arn', shardId: 's', startSequenceNumber: '7', endSequenceNumber: '7', recordCount: 0 }
      const lost = { ...range, reason: 'RecordsLost', at: '2026-03-01T10:00:00.000Z' }
      await stores.streamLetters.keepRange({ ...lost, consumer: 'project' })
      await stores.streamLetters.keepRange({ ...lost, consumer: 'publish' })
      const gone = { outcome: 'gone', letter: 'project s 7 to 7', reason: expect.stringContaining('--feed') }
      expect(await redriveLetters({ tablePrefix, limit: 10 })).toContainEqual(gone)
      expect(await redriveLetters({ tablePrefix, limit: 10, feed: true })).toEqual([
        { letter: 'the feed', outcome: 'done', reason: '2 of 2 commits were lacking' },
        { letter: 'project s 7 to 7', outcome: 'done', reason: '' },
      ])
      const { commits } = await stores.history.feed(undefined, 10)
      expect(commits.map(({ commit }) => commit.stream).toSorted()).toEqual(['t/bench/b1', 't/bench/b2'])
      const following = await followGenerations({ generations: stores.generations, log: noLog, everyMs: 0 })
      expect(await following.views().read('benches', 't', ['b1', 'b2'])).toHaveLength(2)
      expect(await redriveLetters({ tablePrefix, limit: 10 })).toMatchObject([{ letter: 'publish s 7 to 7' }])
    } finally {
      await stores.close()
    }
  })

  test('says in one line what keeps it from the tables, and in its exit code, as serve does', async () => {
    const attempt = redriveLetters({ tablePrefix: 'nowhere-', limit: 1 })
    await expect(attempt).rejects.toMatchObject({
      exitCode: exits.failed,
      message: expect.stringMatching(/^the table nowhere-\w+ is not there: run with --create-tables, or deploy$/),
    })
    const environment = { ...settings, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9' }
    const unreached = await run(['redrive'], environment)
    expect([unreached.code, unreached.stderr.trim().split('\n').length]).toEqual([exits.unreachable, 1])
  })

  test('tells a queue that has no address before it asks anybody', async () => {
    const { code, stderr } = await run(['redrive', '--queue', 'nonsense'], settings)
    expect([code, stderr]).toEqual([
      exits.usage,
      expect.stringContaining("--queue <url>' argument 'nonsense' is invalid"),
    ])
  })
})
