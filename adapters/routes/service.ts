import { z } from 'zod'
import { ViewsStatus } from './resources.ts'
import type { Route } from './route.ts'

const tag = 'service'
const Status = z.object({ status: z.string().max(64) })

export const serviceRoutes = {
  getViews: { tag, summary: 'How far the views are', responses: { 200: ViewsStatus } },
  rebuildViews: {
    tag,
    summary: 'Rebuild the views from history, while the present ones serve on',
    bodyless: true,
    responses: { 202: ViewsStatus },
  },
  getHealth: { tag, summary: 'The process runs', responses: { 200: Status } },
  getReadiness: { tag, summary: 'It can serve now', responses: { 200: Status } },
  getMetrics: { tag, summary: 'Prometheus metrics', responses: { 200: 'text/plain' } },
  getOpenApi: { tag, summary: 'This interface as OpenAPI 3.1', responses: { 200: z.looseObject({}) } },
  getDocs: { tag, summary: 'This interface to browse', responses: { 200: 'text/html' } },
} as const satisfies Record<string, Route>
