import type { Client } from '../client/client.ts'
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
  hooks: Hooks
  /** Where each attempt gets a directory of its own (taken as absolute); what an earlier life of this worker left there is ended and removed. */
  workDir: string
  /** Between asking a command to end and forcing it, unless the server says otherwise. */
  killGraceMs: number
  /** For how long the first connection is tried; later ones are tried until they succeed. */
  connectForMs: number
  /** What happens, for whoever looks after the agent. */
  note: Note
  /** What somebody has to look at. */
  alarm: Note
}

export type Note = (text: string, facts?: Readonly<Record<string, unknown>>) => void

export type AgentEnd =
  /** Asked to end; nothing of ours runs any more. */
  | { kind: 'drained' }
  /** Another session of this worker took over. */
  | { kind: 'lost'; detail: string }
  | { kind: 'refused'; problem: Problem }

/** What the keeper of a bench wants done around every attempt, whatever its runner. Each is given to `/bin/sh -c`. */
export interface Hooks {
  /** Before each attempt's run. Unless it exits with 0, the attempt is not run: the infrastructure has failed. */
  provision?: string
  /** After each attempt, however it ended, also when nothing ran because provisioning failed. */
  teardown?: string
  /** When the agent had to stop what ran because it can't reach the server, or has lost its session. */
  powerOff?: string
  /** For each of them: then it is stopped, and has failed. */
  timeoutMs: number
}
