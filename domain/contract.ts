/** All commands and events by name: what may come in, and what may lie in history. */
import type { z } from 'zod'
import * as bench from './bench/commands.ts'
import type { StoredEvent } from './event.ts'
import * as execution from './execution/commands.ts'
import { fault } from './faults.ts'
import { isStreamKind, type StreamKind } from './ids.ts'
import * as message from './message/commands.ts'
import { kindOf } from './registry.ts'
import * as reservation from './reservation/commands.ts'
import * as worker from './worker/commands.ts'

type Schemas = Readonly<Record<string, z.ZodType>>

/** The one schema of each command, by the kind of stream it addresses. */
export const commandSchemas = {
  bench: {
    RegisterBench: bench.RegisterBench,
    DescribeBench: bench.DescribeBench,
    StartMaintenance: bench.StartMaintenance,
    EndMaintenance: bench.EndMaintenance,
    QuarantineBench: bench.QuarantineBench,
    ReturnBenchToService: bench.ReturnBenchToService,
    RetireBench: bench.RetireBench,
    HoldInterval: bench.HoldInterval,
    MoveInterval: bench.MoveInterval,
    TransferInterval: bench.TransferInterval,
    FreeInterval: bench.FreeInterval,
    OccupyBench: bench.OccupyBench,
    VacateBench: bench.VacateBench,
    ConnectBench: bench.ConnectBench,
    DisconnectBench: bench.DisconnectBench,
    SuspectBench: bench.SuspectBench,
    RecoverBench: bench.RecoverBench,
    LoseBench: bench.LoseBench,
  },
  reservation: {
    RequestReservation: reservation.RequestReservation,
    AmendReservation: reservation.AmendReservation,
    TransferReservation: reservation.TransferReservation,
    CheckInReservation: reservation.CheckInReservation,
    ReleaseReservation: reservation.ReleaseReservation,
    CancelReservation: reservation.CancelReservation,
    PullForward: reservation.PullForward,
    EvictReservation: reservation.EvictReservation,
    ExtendHold: reservation.ExtendHold,
    Tick: reservation.Tick,
  },
  execution: {
    SubmitExecution: execution.SubmitExecution,
    CancelExecution: execution.CancelExecution,
    RedriveExecution: execution.RedriveExecution,
    ClaimTask: execution.ClaimTask,
    CompleteAttempt: execution.CompleteAttempt,
    FailAttempt: execution.FailAttempt,
    AcknowledgeCancel: execution.AcknowledgeCancel,
    AnnounceArtifact: execution.AnnounceArtifact,
    RecordArtifact: execution.RecordArtifact,
    LoseAttempt: execution.LoseAttempt,
    ExtendGrace: execution.ExtendGrace,
    FollowReservation: execution.FollowReservation,
    EndExecution: execution.EndExecution,
    Tick: execution.Tick,
  },
  worker: {
    EnrolWorker: worker.EnrolWorker,
    OpenSession: worker.OpenSession,
    CloseSession: worker.CloseSession,
    ExpireSession: worker.ExpireSession,
  },
  message: { AcceptMessage: message.AcceptMessage },
} as const satisfies Readonly<Record<Exclude<StreamKind, 'tenant'>, Schemas>>

export type CommandFault = { path: string; message: string }
export type ParsedCommand = { ok: true; data: unknown } | { ok: false; errors: readonly CommandFault[] }

/** A command's data as its schema has it, defaults filled in; or every fault at once. */
export const parseCommand = (kind: StreamKind, type: string, data: unknown): ParsedCommand => {
  const schemas: Schemas = kind === 'tenant' ? {} : commandSchemas[kind]
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined
  if (schema === undefined)
    return { ok: false, errors: [{ path: 'type', message: `there is no command ${type} for a ${kind}` }] }
  const parsed = schema.safeParse(data)
  return parsed.success ? { ok: true, data: parsed.data } : { ok: false, errors: faultsOf(parsed.error) }
}

export const faultsOf = (error: z.ZodError): readonly CommandFault[] =>
  error.issues.slice(0, 100).map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }))

/** An event as it was stored, in the form that today's code reads. Throws for a type or a version that it does not know. */
export const parseEvent = (kind: string, event: StoredEvent): StoredEvent => {
  const current = isStreamKind(kind) && kind !== 'tenant' ? kindOf(kind).schemaVersions[event.type] : undefined
  if (current === undefined) throw fault('storage-unusable', `unknown event ${event.type} of a ${kind}`)
  if (event.schemaVersion > current)
    throw fault(
      'storage-unusable',
      `${event.type} is written in version ${event.schemaVersion}: this version reads up to ${current}`,
    )
  return event
}
