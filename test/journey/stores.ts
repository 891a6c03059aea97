import { anybody, localEngine } from '../adapters/dynamodbLocal.ts'
import { type Place, temporaryDirectory } from './server.ts'

/** What a server keeps its history in. */
export interface Store {
  store: 'sqlite' | 'dynamodb'
  /** A fresh one of the test's own. */
  place: () => Place
}

export const sqlite: Store = { store: 'sqlite', place: () => ({ directory: temporaryDirectory(), args: [], env: {} }) }

let made = 0

/** Who was killed has the clock taken over after two steps of it, and a step is a quarter of a lease. */
export const soonTakenOver = { BENCHPLANE_LEASE_MS: '1600', BENCHPLANE_HEARTBEAT_EVERY_MS: '400' }

/** Tables of the test's own on one engine for the tests of a file. */
export const dynamodb = (): Store & { endpoint: () => string } => {
  const engine = localEngine()
  return {
    store: 'dynamodb',
    endpoint: engine.endpoint,
    place: () => ({
      directory: temporaryDirectory(),
      args: ['--create-tables'],
      env: {
        ...settingsOf(engine.endpoint()),
        BENCHPLANE_STORE: 'dynamodb',
        BENCHPLANE_TABLE_PREFIX: `journey-${++made}-`,
      },
    }),
  }
}

/** The SDK's own: the engine at the endpoint, as anybody. */
export const settingsOf = (endpoint: string): Record<string, string> => ({
  AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  AWS_REGION: anybody.region,
  AWS_ACCESS_KEY_ID: anybody.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: anybody.credentials.secretAccessKey,
})
