import { z } from 'zod'
import * as commands from '../../domain/execution/commands.ts'
import { id, slug } from '../../domain/fields.ts'
import { Execution, items, page, Task } from './resources.ts'
import { freshness, listing, type Route } from './route.ts'

const params = z.strictObject({ executionId: id })
const tag = 'executions'
const command = <Type extends string>(type: Type) => ({ kind: 'execution', type, id: 'executionId' }) as const
const report = <Type extends string>(type: Type) =>
  ({ kind: 'execution', type, id: 'executionId', also: ['taskName', 'attempt'] }) as const
const responses = { 200: Execution } as const
const attemptParams = z.strictObject({ executionId: id, taskName: commands.taskName, attempt: commands.attemptNumber })
const fromPath = { taskName: true, attempt: true } as const

/** Largest piece of a log in one request, in UTF-16 code units. */
const logTextMax = 262_144

export const executionRoutes = {
  submitExecution: {
    tag,
    summary: 'Submit a plan of tasks to run under a reservation',
    body: commands.SubmitExecution,
    command: command('SubmitExecution'),
    responses: { 201: Execution },
  },
  listExecutions: {
    tag,
    summary: 'List executions, newest first',
    query: listing({
      reservationId: id.optional(),
      status: z.enum(['queued', 'running', 'cancelling', 'interrupted', 'finished']).optional(),
      benchId: slug.optional(),
    }),
    responses: { 200: page(Execution) },
  },
  getExecution: { tag, summary: 'One execution', params, query: freshness, responses },
  cancelExecution: {
    tag,
    summary: 'Cancel: what waits is skipped, what runs is told to stop',
    params,
    body: commands.CancelExecution.prefault({}),
    command: command('CancelExecution'),
    responses,
  },
  redriveExecution: {
    tag,
    summary: 'Drive a finished execution again: what did not pass gets all its attempts anew',
    params,
    bodyless: true,
    command: command('RedriveExecution'),
    responses,
  },
  listTasks: {
    tag,
    summary: 'The tasks of an execution, in the order of the plan',
    params,
    query: freshness,
    responses: { 200: items(Task) },
  },
  readLog: {
    tag,
    summary: 'The log of one attempt, as text; with follow as server-sent events until it ends',
    params,
    query: z.strictObject({
      taskName: commands.taskName.optional().meta({ description: 'May be left out when there is only one' }),
      attempt: commands.attemptNumber.optional().meta({ description: 'Default: the newest' }),
      follow: z.boolean().default(false),
      offset: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).meta({ description: 'In bytes of UTF-8' }),
    }),
    responses: { 200: 'text/plain' },
    alternative: 'text/event-stream',
  },
  completeAttempt: {
    tag,
    summary: 'By its worker: the attempt has passed',
    params: attemptParams,
    body: commands.CompleteAttempt.omit(fromPath),
    command: report('CompleteAttempt'),
    responses,
  },
  failAttempt: {
    tag,
    summary: 'By its worker: the attempt has failed',
    params: attemptParams,
    body: commands.FailAttempt.omit(fromPath),
    command: report('FailAttempt'),
    responses,
  },
  acknowledgeCancel: {
    tag,
    summary: 'By its worker: the attempt has stopped as asked',
    params: attemptParams,
    body: commands.AcknowledgeCancel.omit(fromPath),
    command: report('AcknowledgeCancel'),
    responses,
  },
  appendLog: {
    tag,
    summary: 'By its worker: append at a UTF-8 byte offset; what is there already is skipped',
    params: attemptParams,
    body: z.strictObject({
      epoch: z.int().min(1),
      workerId: slug,
      offset: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
      text: z.string().max(logTextMax),
    }),
    responses: { 200: z.object({ size: z.int().min(0).meta({ description: 'Bytes that are there now' }) }) },
  },
} as const satisfies Record<string, Route>
