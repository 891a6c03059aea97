import { hash } from 'node:crypto'
import { ExecutionAlreadyExists, type SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { type Instant, partsOf, plusMs, type StreamName, streamName } from '../../domain/ids.ts'
import type { DueRow, ViewStore } from '../../domain/ports.ts'
import { views } from '../../projections/views.ts'
import { reasonOf } from '../awsConnection.ts'
import type { ClockStep } from './clockMachine.ts'

/**
 * Runs of the clock machine: one per stream and instant, since its name is made of both. `running`: one waits for it now,
 * just started or before; `over`: it had one, which has ended (names are remembered for 90 days). Rejects for an outage.
 * `round` makes another run for the same instant.
 */
export type Arm = (stream: StreamName, nextDue: Instant, round?: number) => Promise<'running' | 'over'>

export const openArm =
  (client: Pick<SFNClient, 'send'>, stateMachineArn: string): Arm =>
  async (stream, nextDue, round) => {
    const step: ClockStep = { stream, nextDue, waitUntil: nextDue, turnCount: 0, restCount: 0 }
    // A function of its name: one that runs already is then answered as if it had been started now.
    const run = { stateMachineArn, name: runName(stream, nextDue, round), input: JSON.stringify(step) }
    try {
      await client.send(new StartExecutionCommand(run))
      return 'running'
    } catch (error) {
      if (error instanceof ExecutionAlreadyExists) return 'over'
      throw error
    }
  }

/** At most 80 characters, none of them `:` or `/`: an id may be longer, and holds what it likes. */
export const runName = (stream: StreamName, nextDue: Instant, round?: number): string => {
  const whole = round === undefined ? `${stream}\n${nextDue}` : `${stream}\n${nextDue}\n${round}`
  return `${partsOf(stream).kind}-${hash('sha256', whole)}`
}

export interface SweepPorts {
  due: ViewStore['due']
  arm: Arm
  now: () => Instant
  /** What is overdue for longer has lost its run. Default 60 000. */
  graceMs?: number
  /** A stream that stays overdue gets another run once in this time. Default 600 000: longer than a run tries. */
  roundMs?: number
  /** Looked at in one sweep, the longest overdue first. Default 1 000. */
  limit?: number
}

export interface Swept {
  overdueCount: number
  /** There may be more than were looked at. */
  isCut: boolean
  failures: readonly { stream: StreamName; error: string }[]
}

const atOnceMax = 8

/** Arms anew what is overdue: its run was never started, or has ended without success. Rejects when the views can't be read. */
export const sweepClocks = async (ports: SweepPorts): Promise<Swept> => {
  const { due, now, graceMs = 60_000, roundMs = 600_000, limit = 1_000 } = ports
  const rows = await due(plusMs(now(), -graceMs), limit)
  const round = Math.floor(Date.parse(now()) / roundMs)
  const failures: { stream: StreamName; error: string }[] = []
  for (let at = 0; at < rows.length; at += atOnceMax)
    await Promise.all(
      rows.slice(at, at + atOnceMax).map(async (row) => {
        const stream = streamOf(row)
        await rearm(ports.arm, stream, row.nextDue, round).catch((error: unknown) => {
          failures.push({ stream, error: reasonOf(error) })
        })
      }),
    )
  return { overdueCount: rows.length, isCut: rows.length === limit, failures }
}

const rearm = async (arm: Arm, stream: StreamName, nextDue: Instant, round: number): Promise<void> => {
  if ((await arm(stream, nextDue)) === 'over') await arm(stream, nextDue, round)
}

const streamOf = ({ view, tenant, id }: DueRow): StreamName => {
  const found = views.find(({ name }) => name === view)
  if (found === undefined) throw new Error(`a row of no view is due: ${view}`)
  return streamName(tenant, found.kind, id)
}
