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
 * - `urlOf`, where the store offers it: an address from which anybody can fetch the bytes for a while, ranges of them too, to
 *   be saved under a name. Nobody asks whether they are there.
 * - `bringTo`, where the store offers it: where a client can PUT the bytes itself, with the headers that are told. The store
 *   takes exactly these bytes, checked against their SHA-256, and they count as kept. undefined: too many for that.
 * - All throw the faults `storage-full` and `storage-unusable`. What a process that died had received without keeping it is
 *   gone when the store is opened again, or, where several processes share the store, within days.
 */
export interface ArtifactStore {
  receive(
    place: Omit<ArtifactKey, 'sha256'>,
    source: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ): Promise<ReceivedArtifact | 'too-large'>
  size(key: ArtifactKey): Promise<number | undefined>
  read(key: ArtifactKey, range: { from: number; to: number }): AsyncIterable<Uint8Array>
  urlOf?(key: ArtifactKey, shown: { fileName: string; contentType: string }): Promise<string>
  bringTo?(key: ArtifactKey, bytes: number): Promise<UploadTarget | undefined>
}

/** Where bytes are brought: by PUT, with these headers as they are. */
export interface UploadTarget {
  url: string
  headers: Readonly<Record<string, string>>
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
