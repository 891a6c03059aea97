import { z } from 'zod'
import * as commands from '../../domain/execution/commands.ts'
import { epoch, id, slug } from '../../domain/fields.ts'
import { Artifact, page, UploadTarget } from './resources.ts'
import { cursor, limit, type Route } from './route.ts'

const tag = 'executions'
const params = z.strictObject({
  executionId: id,
  taskName: commands.taskName,
  attempt: commands.attemptNumber,
  path: commands.artifactPath,
})

export const artifactRoutes = {
  listArtifacts: {
    tag,
    summary: 'What the attempts of an execution have left, in the order in which it came',
    params: z.strictObject({ executionId: id }),
    query: z.strictObject({
      taskName: commands.taskName.optional().meta({ description: 'Only of this task' }),
      attempt: commands.attemptNumber.optional().meta({ description: 'Only of attempts of this number' }),
      limit: limit.default(500),
      cursor,
    }),
    responses: { 200: page(Artifact) },
  },
  uploadArtifact: {
    tag,
    summary: 'By its worker, while the attempt runs: leave a file; the same bytes again change nothing',
    params,
    query: z.strictObject({ epoch, workerId: slug }),
    raw: true,
    command: {
      kind: 'execution',
      type: 'RecordArtifact',
      id: 'executionId',
      also: ['taskName', 'attempt', 'path', 'epoch', 'workerId'],
    },
    responses: { 201: Artifact, 200: Artifact, 307: UploadTarget },
  },
  downloadArtifact: {
    tag,
    summary: 'One file that an attempt has left, or one range of its bytes',
    params,
    query: z.strictObject({
      redirect: z
        .boolean()
        .default(true)
        .meta({ description: '`false`: the bytes come from this server, wherever they lie' }),
    }),
    responses: { 200: 'application/octet-stream', 206: 'application/octet-stream', 304: null, 307: null },
  },
} as const satisfies Record<string, Route>
