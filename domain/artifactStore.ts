/** The port for what attempts leave, as `ports.ts` has those of the others. */

/** Where an artifact's bytes lie: under their own SHA-256, so that what is there never changes. */
export interface ArtifactKey {
  tenant: string
  executionId: string
  /** Lower-case hex. */
  sha256: string
}

/**
 * The bytes that attempts leave. What they are called, and of which attempt they are, is history's (`ArtifactRecorded`).
 *
 * - `receive`: takes `source` to its end, in pieces, and counts; nothing of it can be read before `keep`. `too-large`: there
 *   were more than `bytesMax` bytes, and nothing is left of them. Rejects with what the source rejects with, leaving nothing.
 * - `size`: in bytes; undefined when there is nothing.
 * - `read`: the bytes `from` to `to`, both inclusive, in pieces as they are asked for. Throws `storage-unusable` when they are
 *   not there.
 * - All throw the faults `storage-full` and `storage-unusable`. What a process that died had received without keeping it is
 *   gone when the store is opened again.
 */
export interface ArtifactStore {
  receive(
    place: Omit<ArtifactKey, 'sha256'>,
    source: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ): Promise<ReceivedArtifact | 'too-large'>
  size(key: ArtifactKey): Promise<number | undefined>
  read(key: ArtifactKey, range: { from: number; to: number }): AsyncIterable<Uint8Array>
}

/** Bytes that have come. One of the two is called. */
export interface ReceivedArtifact {
  bytes: number
  /** Lower-case hex. */
  sha256: string
  /** Durable when it resolves. Where the same bytes lie already, nothing changes. */
  keep(): Promise<void>
  discard(): Promise<void>
}
