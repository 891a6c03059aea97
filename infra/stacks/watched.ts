import type { Api } from './api.ts'
import type { Archive } from './archive.ts'
import type { Data } from './data.ts'
import type { Pipeline } from './pipeline.ts'

/** What alarms and the dashboard look at. */
export interface Watched {
  data: Data
  pipeline: Pipeline
  api: Api
  archive: Archive
}
