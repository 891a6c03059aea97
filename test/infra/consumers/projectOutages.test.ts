import { describe, expect, test } from 'vitest'
import { openViews } from '../../../adapters/memory/views.ts'
import type { ProjectConsumerPorts } from '../../../infra/consumers/project.ts'
import { allDone, failedAt, opened, outage, told } from './projecting.ts'
import { recordsOf } from './records.ts'
import { nameOf, rowsIn } from './streamed.ts'

describe('in an outage', () => {
  test.each(['views', 'rows', 'feed', 'history'] as const)('of the %s the batch comes again, whole', async (what) => {
    const { history, commits } = await told(2)
    const later = commits.filter(({ version }) => version > 1)
    let isDown = true
    const check = async () => {
      if (isDown) throw outage()
    }
    const views = openViews()
    const fed: string[] = []
    const more: Partial<ProjectConsumerPorts> = {
      views: async () => {
        if (what === 'views') await check()
        const write: typeof views.write = async (...asked) => {
          if (what === 'rows') await check()
          return views.write(...asked)
        }
        return { read: views.read, write }
      },
      feed: {
        publish: async (keys) => {
          if (what === 'feed') await check()
          fed.push(...keys.map(({ stream, version }) => `${stream}@${version}`))
        },
      },
      history: {
        load: async (...asked) => {
          if (what === 'history') await check()
          return history.load(...asked)
        },
        scan: (stream) => {
          if (what === 'history' && isDown) throw outage()
          return history.scan(stream)
        },
      },
    }
    const { handle, counters, box } = opened(history, more)
    const Records = recordsOf(later)
    expect(await handle({ Records })).toEqual(failedAt(1))
    expect(counters.consumerOutages).toBe(1)
    isDown = false
    expect(await handle({ Records })).toEqual(allDone)
    expect(new Set(fed)).toEqual(new Set(later.map(nameOf)))
    expect((await rowsIn(views)).size).toBe(4)
    expect(box.letters).toEqual([])
  })

  test('what is a bug throws, so that halving finds whose it is', async () => {
    const { history, commits } = await told(1)
    const { handle } = opened(history, { views: () => Promise.reject(new TypeError('a bug')) })
    await expect(handle({ Records: recordsOf(commits) })).rejects.toThrow('a bug')
  })
})
