import type { Commit } from '../../domain/event.ts'
import { streamName, withoutTenant } from '../../domain/ids.ts'
import { canonicalJson, exported } from '../chain.ts'
import type { Call } from './call.ts'
import type { House } from './house.ts'
import { invalid, notFound } from './problems.ts'
import { content, json, type Reply } from './replies.ts'

export const verifyHistory =
  (house: House) =>
  async ({ tenant, query: { stream } }: Call<'verifyHistory'>): Promise<Reply> => {
    const [kind, id] = (stream ?? '').split('/') as ['bench', string]
    const result = await house.verify(stream === undefined ? undefined : streamName(tenant, kind, id))
    if (stream !== undefined && result.streamCount === 0 && result.ok) return notFound(`stream ${stream}`)
    const failures = result.failures.map((failure) => ({ ...failure, stream: insideTenant(failure.stream) }))
    return json({ ...result, failures })
  }

/** `{kind}/{id}`, whether or not the tenant stands before it. */
const insideTenant = (stream: string): string => (stream.split('/').length > 2 ? withoutTenant(stream) : stream)

export const exportHistory =
  (house: House) =>
  ({ tenant, query: { from = '', to = '9999' }, correlationId }: Call<'exportHistory'>): Reply => {
    if (from >= to) return invalid([{ path: 'to', message: `must be after from, ${from}` }])
    const pages = house.history.scan()[Symbol.asyncIterator]()
    const encoder = new TextEncoder()
    let lineCount = 0
    let isWanted = true
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        try {
          for (;;) {
            const page = await pages.next()
            if (!isWanted) return
            if (page.done === true) return controller.close()
            const commits = page.value.flatMap(({ commit }) => commit ?? []).filter(within(tenant, from, to))
            if (commits.length === 0) continue
            lineCount += commits.length
            return controller.enqueue(encoder.encode(commits.map(line).join('')))
          }
        } catch (error) {
          house.log.error({ err: error, correlationId, count: lineCount }, 'an export was broken off')
          return controller.error(error)
        }
      },
      cancel: async () => {
        isWanted = false
        await pages.return?.()
      },
    })
    return content(body, 'application/x-ndjson', { 'cache-control': 'no-store' })
  }

const within =
  (tenant: string, from: string, to: string) =>
  ({ stream, at }: Commit): boolean =>
    stream.startsWith(`${tenant}/`) && from <= at && at < to

const line = (commit: Commit): string => `${canonicalJson(exported(commit))}\n`
