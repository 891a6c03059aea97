import type { Payloads } from '../adapters/eventbridge/publisher.ts'
import type { HouseOptions } from './parts.ts'

/** Who publishes events; region, endpoints and credentials are the SDK's own settings. */
export interface Bus {
  publisher: NonNullable<HouseOptions['publisher']>
  close: () => void
}

/** The bus and where data lie that are too large for it. What both need is loaded only here. */
export const openBus = async (busName: string, bucket: string | undefined): Promise<Bus> => {
  const [{ connect }, { openPublisher }, { payloads, close }] = await Promise.all([
    import('../adapters/eventbridge/client.ts'),
    import('../adapters/eventbridge/publisher.ts'),
    bucket === undefined ? inHistory : openBucket(bucket),
  ])
  const client = connect()
  return {
    publisher: openPublisher({ client, busName, payloads }),
    close: () => {
      client.destroy()
      close()
    },
  }
}

interface Aside {
  payloads: Payloads
  close: () => void
}

/**
 * Without a bucket they are named by their place in history, `urn:benchplane:{stream}/{version}.json`, from where whoever may
 * read it reads them.
 */
const inHistory: Aside = { payloads: { put: async (key) => `urn:benchplane:${key}` }, close: () => {} }

const openBucket = async (bucket: string): Promise<Aside> => {
  const [{ connect }, { openPayloads }] = await Promise.all([
    import('../adapters/s3/client.ts'),
    import('../adapters/s3/payloads.ts'),
  ])
  const client = connect()
  return { payloads: openPayloads({ client, bucket }), close: () => client.destroy() }
}
