/** Every operation with the function that serves it. */
import { benchResource, reservationResource, workerResource } from '../../projections/resources.ts'
import type { Operation } from '../routes/endpoints.ts'
import type { Route } from '../routes/route.ts'
import { routes } from '../routes.ts'
import { listArtifacts } from './artifacts.ts'
import { exportHistory, verifyHistory } from './audit.ts'
import { findAvailability, getBench, getCalendar, listBenches } from './benches.ts'
import type { AnyCall, Call } from './call.ts'
import { withAllowedCallback } from './callbacks.ts'
import { createClaimer } from './claims.ts'
import { claimTask } from './claimTask.ts'
import { type Answering, commandHandler, type Done } from './commands.ts'
import { docsPage } from './docs.ts'
import { downloadArtifact } from './downloads.ts'
import { createExecutionBodies, type ExecutionBodies } from './executionBodies.ts'
import { getExecution, listExecutions, listTasks } from './executions.ts'
import { followEvents, listEvents } from './feed.ts'
import { heartbeat } from './heartbeats.ts'
import { getEvent, getStateAsOf, listHistory } from './history.ts'
import type { House } from './house.ts'
import type { Identity } from './identity.ts'
import { createLastBeats, forgetting } from './lastBeats.ts'
import { appendLog, readLog } from './logs.ts'
import { getLossFreeze, liftLossFreeze } from './lossFreeze.ts'
import { acceptMessage, getMessage } from './messages.ts'
import type { Metrics } from './metrics.ts'
import { openApiDocument } from './openapi.ts'
import type { Reply } from './replies.ts'
import { json } from './replies.ts'
import { explainReservation, getReservation, listReservations } from './reservations.ts'
import { getHealth, getMetrics, getReadiness, getViews, rebuildViews } from './service.ts'
import { closedSession, drainedFirst, fenced, fromOpenSession, openedSession } from './sessions.ts'
import { createStreams } from './sse.ts'
import { createTail } from './tail.ts'
import { uploadArtifact } from './uploads.ts'
import { createWakeups } from './wakeups.ts'
import { getWorker, listWorkers } from './workers.ts'

export interface HandlerOptions {
  /** Who calls is asked by their tokens; absent: nobody is asked. */
  identity?: Identity
  /** Of the product, for OpenAPI. */
  version: string
  /** Of event streams: see sse.ts. */
  heartbeatMs: number
  stallMs: number
  streamCountMax: number
  /** Of artifacts: see uploads.ts and downloads.ts. */
  uploadCountMax: number
  downloadCountMax: number
}

export type Handlers = { readonly [Op in Operation]: (call: Call<Op>) => Reply | Promise<Reply> }

type Commanding = Exclude<
  { [Op in Operation]: (typeof routes)[Op] extends { command: unknown } ? Op : never }[Operation],
  'acceptMessage' | 'uploadArtifact'
>

/** What commands answer, by the kind of the stream they address; sessions have answers of their own. */
const answerings = (house: House, bodies: ExecutionBodies): Readonly<Record<string, Answering>> => ({
  bench: (_, id, { head }) => benchResource(id, head.state as Parameters<typeof benchResource>[1], head.version),
  reservation: (_, id, { head }) =>
    reservationResource(id, head.state as Parameters<typeof reservationResource>[1], head.version),
  worker: (_, id, { head }) => workerResource(id, head.state as Parameters<typeof workerResource>[1], head.version),
  execution: ({ tenant }, id, done) => bodies.after(tenant, id, done),
  openSession: openedSession(house),
  closeSession: closedSession(house),
})

/** Around commands by workers: fencing comes first, and who can't be closed yet is drained. */
const wrappers: Readonly<Record<string, typeof fenced>> = {
  completeAttempt: fenced,
  failAttempt: fenced,
  acknowledgeCancel: fenced,
  closeSession: drainedFirst,
}

const commandHandlers = (house: House, bodies: ExecutionBodies): Pick<Handlers, Commanding> => {
  const known = answerings(house, bodies)
  const entries = Object.entries(routes as Readonly<Record<Operation, Route>>).flatMap(([operation, { command }]) => {
    const answering = known[operation] ?? known[command?.kind ?? '']
    if (command === undefined || answering === undefined) return []
    const noted = (call: AnyCall, id: string, done: Done): void => {
      if (command.kind === 'execution') bodies.note(call.tenant, id, done)
    }
    const handle = commandHandler(house, operation as Operation, command, answering, noted)
    return [[operation, wrappers[operation]?.(house, handle) ?? handle]]
  })
  return Object.fromEntries(entries) as Pick<Handlers, Commanding>
}

const workerHandlers = (
  house: House,
  claiming: Parameters<typeof claimTask>[1],
  { openSession, closeSession }: Pick<Handlers, 'openSession' | 'closeSession'>,
) => ({
  openSession: forgetting(claiming.beats, openSession),
  closeSession: forgetting(claiming.beats, closeSession),
  getWorker: getWorker(house),
  listWorkers: listWorkers(house),
  heartbeat: heartbeat(house, claiming.beats),
  claimTask: claimTask(house, claiming),
  appendLog: fromOpenSession(house, appendLog(house)),
  getLossFreeze: getLossFreeze(house),
  liftLossFreeze: liftLossFreeze(house),
})

export const createHandlers = (
  house: House,
  metrics: Metrics,
  closing: AbortSignal,
  options: HandlerOptions,
): { handlers: Handlers; drain: () => void } => {
  const { version, heartbeatMs, stallMs, streamCountMax } = options
  const tail = createTail(house)
  const streams = createStreams({ heartbeatMs, stallMs, countMax: streamCountMax, log: house.log })
  const bodies = createExecutionBodies(house)
  const [claim, wakeups, beats] = [createClaimer(house), createWakeups(house, tail), createLastBeats(house)]
  const document = once(() => openApiDocument(version, options.identity !== undefined))
  const commanding = commandHandlers(house, bodies)
  const handlers: Handlers = {
    ...commanding,
    submitExecution: withAllowedCallback(house, commanding.submitExecution),
    getBench: getBench(house),
    listBenches: listBenches(house),
    getCalendar: getCalendar(house),
    findAvailability: findAvailability(house),
    getReservation: getReservation(house),
    listReservations: listReservations(house),
    explainReservation: explainReservation(house),
    getExecution: getExecution(house, bodies),
    listExecutions: listExecutions(house, bodies),
    listTasks: listTasks(house, bodies),
    readLog: readLog(house, tail, streams),
    listArtifacts: listArtifacts(house),
    uploadArtifact: uploadArtifact(house, options),
    downloadArtifact: downloadArtifact(house, options),
    ...workerHandlers(house, { claim, wakeups, beats, bodies, closing }, commanding),
    acceptMessage: acceptMessage(house),
    getMessage: getMessage(house),
    listHistory: listHistory(house),
    getStateAsOf: getStateAsOf(house),
    getEvent: getEvent(house),
    listEvents: listEvents(house),
    followEvents: followEvents(house, tail, streams),
    verifyHistory: verifyHistory(house),
    exportHistory: exportHistory(house),
    getViews: getViews(house),
    rebuildViews: rebuildViews(house),
    getHealth: getHealth(),
    getReadiness: getReadiness(house),
    getMetrics: getMetrics(metrics),
    getOpenApi: () => json(document()),
    getDocs: once(() => docsPage(document())),
  }
  return { handlers, drain: () => streams.drain() }
}

const once = <Value>(make: () => Value): (() => Value) => {
  let made: { value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
