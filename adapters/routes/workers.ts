import { z } from 'zod'
import { attemptNumber, taskName } from '../../domain/execution/commands.ts'
import { id, json, slug } from '../../domain/fields.ts'
import * as commands from '../../domain/worker/commands.ts'
import { page } from './resources.ts'
import { freshness, listing, type Route } from './route.ts'
import { Beat, Claim, LossFreeze, Session, Worker } from './workerResources.ts'

const params = z.strictObject({ workerId: slug })
const tag = 'workers'
const command = <Type extends string>(type: Type) => ({ kind: 'worker', type, id: 'workerId' }) as const
const epoch = z.int().min(1)

/** Longest wait of a claim: under the 30 s at which proxies give up. */
const waitMsMax = 25_000

export const workerRoutes = {
  enrolWorker: {
    tag,
    summary: 'Enrol a worker, or change its labels',
    params,
    body: commands.EnrolWorker.prefault({}),
    command: command('EnrolWorker'),
    responses: { 201: Worker, 200: Worker },
  },
  listWorkers: { tag, summary: 'List workers by id', query: listing({}), responses: { 200: page(Worker) } },
  getWorker: { tag, summary: 'One worker', params, query: freshness, responses: { 200: Worker } },
  openSession: {
    tag,
    summary: 'By the agent: open a session that serves these benches; the session before is superseded',
    params,
    body: commands.OpenSession,
    command: command('OpenSession'),
    responses: { 201: Session },
  },
  closeSession: {
    tag,
    summary:
      'Close a session; afterwards its epoch is stale. While it runs something it is told to drain instead, unless forced',
    params: params.extend({ epoch }),
    query: z.strictObject({ force: z.boolean().default(false) }),
    bodyless: true,
    command: { ...command('CloseSession'), also: ['epoch', 'force'] },
    responses: { 200: Worker },
  },
  heartbeat: {
    tag,
    summary: 'By the agent: renew the lease, tell what runs, learn what to stop',
    params,
    body: z.strictObject({
      epoch,
      attempts: z
        .array(z.strictObject({ executionId: id, taskName, attempt: attemptNumber, progress: json.optional() }))
        .max(256)
        .default([]),
    }),
    responses: { 200: Beat },
  },
  claimTask: {
    tag,
    summary:
      'By the agent: the next task for one of its benches; waits up to waitMs for one (a server may wait for less: who is answered at once asks again after some seconds). An attempt that no beat has listed, though one came since it was given, is given again: its answer was lost',
    params,
    body: z.strictObject({
      epoch,
      waitMs: z.int().min(0).max(waitMsMax).default(0),
      benches: commands.OpenSession.shape.benches.optional().meta({ description: 'Only for these of its benches' }),
    }),
    responses: { 200: Claim, 204: null },
  },
  getLossFreeze: {
    tag,
    summary: 'Whether nobody is declared lost now, since most workers are silent at once',
    responses: { 200: LossFreeze },
  },
  liftLossFreeze: {
    tag,
    summary: 'Lift it: workers that stay silent are declared lost again',
    bodyless: true,
    responses: { 200: LossFreeze },
  },
} as const satisfies Record<string, Route>
