import { type App, Tags } from 'aws-cdk-lib'
import { type Api, apiStack } from './api.ts'
import { type Archive, archiveStack } from './archive.ts'
import { type Bundle, bundled } from './bundle.ts'
import { type Data, dataStack } from './data.ts'
import { networkStack } from './network.ts'
import type { Options } from './options.ts'
import { type Pipeline, pipelineStack } from './pipeline.ts'
import { watchStack } from './watch.ts'

export interface Deployment {
  data: Data
  pipeline: Pipeline
  api: Api
  archive: Archive
}

/**
 * The house on AWS: what must survive by itself, and around it what can be made again. `bundle` answers where the code of a
 * function or server lies; default: it is built.
 */
export const deployment = (
  app: App,
  options: Options,
  bundle: Bundle = (name) => bundled(name, app.outdir),
): Deployment => {
  Tags.of(app).add('project', 'benchplane')
  const data = dataStack(app, options)
  const vpc = options.vpcEndpoints || options.servers > 0 ? networkStack(app, options) : undefined
  const surroundings = { options, data, vpc, bundle }
  const pipeline = pipelineStack(app, surroundings)
  const api = apiStack(app, surroundings)
  const archive = archiveStack(app, options, { data, pipeline })
  watchStack(app, options, { data, pipeline, api, archive })
  return { data, pipeline, api, archive }
}
