import type { Client } from '../client/client.ts'
import type { ValueOf } from '../client/operations.ts'
import type { Problem } from '../client/problem.ts'
import type { Runner } from './runner.ts'

export interface AgentSettings {
  client: Client
  workerId: string
  /** 1..16; the session serves these and no other. */
  benchIds: readonly string[]
  /** Undefined: as they are. */
  labels: Record<string, string> | undefined
  runner: Runner
  /** Where each attempt gets a directory of its own; what an earlier life of this worker left there is ended and removed. */
  workDir: string
  /** Between asking a command to end and forcing it, unless the server says otherwise. */
  killGraceMs: number
  /** For how long the first connection is tried. */
  connectForMs: number
  /** What happens, for whoever looks after the agent. */
  note: Note
}

export type Note = (text: string, facts?: Readonly<Record<string, unknown>>) => void

export type AgentEnd =
  /** Asked to end; nothing of ours runs any more. */
  | { kind: 'drained' }
  /** Another session of this worker took over, or this one was given up by the server. */
  | { kind: 'lost'; detail: string }
  | { kind: 'refused'; problem: Problem }

/** One life of the worker, as its loops share it. */
export interface Session {
  settings: AgentSettings
  epoch: number
  /** Aborts when the epoch is stale: whatever runs must stop, and nothing is reported any more. */
  lost: AbortSignal
  lose: (detail: string) => void
}

export type Claim = NonNullable<ValueOf<'claimTask'>>
export type AttemptName = Pick<Claim, 'executionId' | 'taskName' | 'attempt'>

/** An epoch that is no longer ours; a worker or an attempt that is not there says the same. */
export const isStaleEpoch = ({ code }: Problem): boolean => code === 'stale-epoch'
