import type { CallbackHosts } from '../../adapters/callbackHosts.ts'
import { type App, createApp } from '../../adapters/http/app.ts'
import { openIdentity } from '../../adapters/http/identity.ts'
import { openArtifacts } from '../../adapters/s3/artifacts.ts'
import { connect } from '../../adapters/s3/client.ts'
import { openLogs } from '../../adapters/s3/logs.ts'
import { openTaskAnswers } from '../../adapters/stepfunctions/callback.ts'
import { connect as connectMachines } from '../../adapters/stepfunctions/client.ts'
import { newSecret } from '../../adapters/webhooks/signature.ts'
import { openHouse } from '../local.ts'
import type { Surroundings } from './counted.ts'

export interface ServedOptions extends Surroundings {
  tablePrefix: string
  bucket: string
  /** Whose tokens are taken, and for whom. */
  jwtIssuer: string
  jwtAudience: string
  callbackHosts: CallbackHosts
}

/** Larger ones want a server, or a longer link. */
const artifactBytesMax = 1_073_741_824
/** A function is paid for while it waits: an agent asks again instead. */
export const claimWaitMsMax = 0

/**
 * The API on the shared tables, as a function serves it: it keeps nothing and does nothing by itself. Views are built anew
 * by who has the time: a server. No event stream is served (gateway.ts).
 */
export const openServed = async (options: ServedOptions): Promise<{ app: App; close: () => Promise<void> }> => {
  const { tablePrefix, bucket, log, counters, callbackHosts, jwtIssuer: issuer, jwtAudience: audience } = options
  // Beats are handed on to state machines that wait; callbacks, which are signed, are sent by who keeps the clock.
  const callbacks = { secret: newSecret, tasks: openTaskAnswers(connectMachines()) }
  const alone = { keeps: false, mends: false, callbacks }
  const house = await openHouse({ store: 'dynamodb', tablePrefix, log, counters, ...alone })
  const client = connect()
  const identity = openIdentity({ issuer, audience, log })
  const driven = {
    ...house.services,
    log,
    settings: house.settings,
    counters: house.counters,
    artifacts: openArtifacts({ client, bucket }),
    logs: openLogs({ client, bucket }),
    limits: { artifactBytesMax, claimWaitMsMax, callbackHosts },
    viewsAdmin: { status: house.viewsStatus },
  }
  return { app: createApp(driven, { identity }), close: house.close }
}
