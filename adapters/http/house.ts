/** What HTTP is given beside `Services`: by the composition root, or by a test. */
import type { ArtifactStore } from '../../domain/artifactStore.ts'
import type { LogStore } from '../../domain/ports.ts'
import type { Services } from '../../projections/services.ts'
import type { CallbackHosts } from '../callbackHosts.ts'

export interface ViewsStatus {
  /** `behindCount`: commits that the view has not seen yet. */
  items: readonly { name: string; rowCount: number; behindCount: number }[]
  rebuilding: boolean
}

/** A number for Prometheus that the house counts itself. Names begin with `benchplane_`. */
export interface Counter {
  name: string
  help: string
  kind: 'counter' | 'gauge'
  value: number
}

/** As pino has it. Every line of HTTP carries the request's correlationId. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface House extends Services {
  logs: LogStore
  artifacts: ArtifactStore
  viewsAdmin: {
    status(): Promise<ViewsStatus>
    /** Begins a rebuild unless one runs; answers at once. Absent: this is done elsewhere. */
    rebuild?(): Promise<ViewsStatus>
  }
  counters(): readonly Counter[]
  log: Log
  /** What may come in, at most. */
  limits: {
    /** Largest artifact, in bytes. */
    artifactBytesMax: number
    /** Where callbacks may go, see callbacks.ts; absent: anywhere. */
    callbackHosts?: CallbackHosts
    /** A claim waits for no longer, whatever it asks for. Absent: for as long as it asks. */
    claimWaitMsMax?: number
  }
  /** How long a lease lives without a heartbeat (default 40 000), and how often one is asked for (10 000). */
  settings: { leaseMs: number; heartbeatEveryMs: number }
}
