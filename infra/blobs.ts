/** Where what attempts leave lies: in memory, in the data directory, or in a bucket. */
import { openArtifacts as openFileArtifacts } from '../adapters/files/artifacts.ts'
import { openLogs as openFileLogs } from '../adapters/files/logs.ts'
import { openArtifacts as openMemoryArtifacts } from '../adapters/memory/artifacts.ts'
import { openLogs as openMemoryLogs } from '../adapters/memory/logs.ts'
import type { ArtifactStore } from '../domain/artifactStore.ts'
import type { LogStore } from '../domain/ports.ts'

export interface BlobSettings {
  store: string
  dataDir: string
  /** S3's, in which logs and artifacts then lie, whatever the store. */
  bucket?: string | undefined
}

export interface Blobs {
  logs: LogStore
  artifacts: ArtifactStore
  close(): void
}

export const openBlobs = async ({ store, dataDir, bucket }: BlobSettings): Promise<Blobs> => {
  const close = (): void => {}
  if (bucket !== undefined) return openBucket(bucket)
  return store === 'memory'
    ? { logs: openMemoryLogs(), artifacts: openMemoryArtifacts(), close }
    : {
        logs: openFileLogs({ directory: dataDir }),
        artifacts: openFileArtifacts({ directory: dataDir }),
        close,
      }
}

/** The SDK is loaded only here. An endpoint of one's own is a service that knows buckets by path. */
const openBucket = async (bucket: string): Promise<Blobs> => {
  const [{ connect }, { openLogs }, { openArtifacts }] = await Promise.all([
    import('../adapters/s3/client.ts'),
    import('../adapters/s3/logs.ts'),
    import('../adapters/s3/artifacts.ts'),
  ])
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env
  const client = connect({ isPathStyle: (AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL) !== undefined })
  return {
    logs: openLogs({ client, bucket }),
    artifacts: openArtifacts({ client, bucket }),
    close: () => client.destroy(),
  }
}
