/** Beside the API: how the process is, and what can be done to it. */
import type { House } from './house.ts'
import { problem, refusedHere } from './problems.ts'
import { content, json, type Reply } from './replies.ts'

export const getHealth = () => (): Reply => json({ status: 'up' }, 200, { 'cache-control': 'no-store' })

export const getReadiness = (house: House) => (): Reply => {
  const reason = house.unready()
  return reason === undefined
    ? json({ status: 'ready' }, 200, { 'cache-control': 'no-store' })
    : problem('not-ready', reason)
}

export const getViews =
  ({ viewsAdmin }: House) =>
  async (): Promise<Reply> =>
    json(await viewsAdmin.status())

export const rebuildViews =
  ({ viewsAdmin }: House) =>
  async (): Promise<Reply> =>
    viewsAdmin.rebuild === undefined
      ? refusedHere('NotRebuiltHere', 'nothing here has the time for a rebuild: ask a server, or start one beside')
      : json(await viewsAdmin.rebuild(), 202)

export const getMetrics = (metrics: { text(): Promise<string>; contentType: string }) => async (): Promise<Reply> =>
  content(await metrics.text(), metrics.contentType)
