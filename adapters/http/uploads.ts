/** Artifacts on their way in: never in memory as a whole, durable before history knows of them. */
import type { ReceivedArtifact } from '../../domain/artifactStore.ts'
import type { ExecutionState } from '../../domain/execution/state.ts'
import { type ArtifactName, artifactIn, attemptIn, shownArtifact } from './artifacts.ts'
import type { AnyCall, Call } from './call.ts'
import { notDone, requestOf } from './commands.ts'
import { digestFault, digestOf } from './digests.ts'
import type { House } from './house.ts'
import { type Offered, offeredBy, offerFault } from './offers.ts'
import { invalid, problem } from './problems.ts'
import { json, type Reply, resource } from './replies.ts'

export interface UploadOptions {
  /** An upload of which fewer than 16 KiB came within this is cut off. Default 30 000. */
  stallMs: number
  /** Uploads at once; more are told to come back later. Default 64. */
  uploadCountMax: number
}

/** The least that must come within `stallMs`. */
const progressBytesMin = 16 * 1024

const command = { kind: 'execution', type: 'RecordArtifact', id: 'executionId' } as const
const announcement = { ...command, type: 'AnnounceArtifact' } as const

type Upload = Call<'uploadArtifact'>
/** How many are under way, and how many have been cut off. */
type Counting = UploadOptions & { counts: { open: number; stalled: number } }

export const uploadArtifact = (house: House, options: UploadOptions) => {
  const counts = { open: 0, stalled: 0 }
  return async (call: Upload): Promise<Reply> => {
    const early = unfit(call, house.limits.artifactBytesMax)
    if (early !== undefined) return closing(early)
    const offered = offeredBy(call.header)
    if (offered !== undefined) return offer(house, call, offered)
    if (counts.open >= options.uploadCountMax)
      return closing(problem('overloaded', `${options.uploadCountMax} uploads are under way already`))
    counts.open += 1
    try {
      return (await announced(house, call)) ?? (await taken(house, call, { ...options, counts }))
    } finally {
      counts.open -= 1
    }
  }
}

/** What is left of the body is not read: the connection goes with it. */
const closing = (reply: Reply): Reply => ({ ...reply, headers: { ...reply.headers, connection: 'close' } })

/** Why it can't be taken, as far as its headers tell. */
const unfit = ({ header }: Upload, bytesMax: number): Reply | undefined => {
  const encoding = header('content-encoding') ?? 'identity'
  if (encoding !== 'identity')
    return problem('unsupported-media-type', `the bytes must come as they are, not ${encoding.slice(0, 20)}-encoded`)
  if (Number(header('content-length') ?? 0) > bytesMax) return tooLarge(bytesMax)
  if (Number(header('upload-length') ?? 0) > bytesMax) return tooLarge(bytesMax)
  const fault = digestFault(header) ?? offerFault(header)
  return fault === undefined ? undefined : invalid([fault])
}

const tooLarge = (bytesMax: number): Reply =>
  problem('too-large', `an artifact has at most ${bytesMax} bytes`, { bytesMax })

const nameOf = ({ params }: Upload): ArtifactName => params

/** Refused before a byte is read when the attempt is not the session's, or takes no more. The refusal is kept as evidence. */
const announced = async (house: House, call: Upload): Promise<Reply | undefined> => {
  const { executionId, ...data } = call.params
  await house.leases.fence(call.tenant, call.query.workerId, call.query.epoch)
  const { idempotencyKey: _key, ifMatch: _match, ...rest }: AnyCall = call
  const outcome = await house.submit(requestOf(rest, announcement, executionId, { ...data, ...call.query }))
  return outcome.kind === 'done' ? undefined : closing(notDone(outcome, { kind: 'execution', id: executionId }))
}

/**
 * Bytes that a client could bring to where they are to lie: told where, or recorded if they are there. The same request again,
 * once they are, is the second.
 */
const offer = async (house: House, call: Upload, { bytes, sha256 }: Offered): Promise<Reply> => {
  const refused = await announced(house, call)
  if (refused !== undefined) return refused
  const key = { tenant: call.tenant, executionId: call.params.executionId, sha256 }
  const { state } = await house.headOf(call.tenant, 'execution', key.executionId)
  const isDecided = isVain(state as ExecutionState, nameOf(call), sha256)
  if (isDecided || (await house.artifacts.size(key)) === bytes)
    return recorded(house, call, { bytes, sha256, keep: async () => {}, discard: async () => {} })
  const target = await house.artifacts.bringTo?.(key, bytes)
  if (target === undefined) return problem('bytes-required', 'this server takes the bytes itself: send them along')
  return json(target, 307, { location: target.url, 'cache-control': 'no-store' })
}

const taken = async (house: House, call: Upload, options: Counting): Promise<Reply> => {
  const { tenant, params, header } = call
  const { artifactBytesMax } = house.limits
  const source = watched(house, call, options)
  const place = { tenant, executionId: params.executionId }
  const received = await house.artifacts.receive(place, source.bytes, artifactBytesMax).catch((error: unknown) => {
    if (source.isBrokenOff()) return 'broken-off' as const
    throw error
  })
  // Its client has gone, and hears nothing of this.
  if (received === 'broken-off') return closing(invalid([{ path: '', message: 'the body was broken off' }]))
  if (received === 'too-large') return closing(tooLarge(artifactBytesMax))
  const wanted = digestOf(header)
  if (wanted === undefined || wanted.sha256 === received.sha256) return recorded(house, call, received)
  await received.discard()
  return invalid([{ path: wanted.name, message: `the bytes that came have another SHA-256: ${received.sha256}` }])
}

/** The body, cut off when it does not get on. What it throws is the client's doing. */
const watched = (
  { log }: Pick<House, 'log'>,
  call: Upload,
  { stallMs, counts }: Counting,
): { bytes: AsyncIterable<Uint8Array>; isBrokenOff: () => boolean } => {
  let isBrokenOff = false
  async function* bytes(): AsyncGenerator<Uint8Array> {
    let [count, seen] = [0, 0]
    const timer = setInterval(() => {
      const isStalled = count - seen < progressBytesMin
      seen = count
      if (!isStalled) return
      counts.stalled += 1
      log.info(
        { correlationId: call.correlationId, ...call.params, bytes: count, stallMs, count: counts.stalled },
        'a stalled upload is cut off',
      )
      call.cut()
    }, stallMs)
    try {
      const pieces = call.bytes()[Symbol.asyncIterator]()
      for (;;) {
        const next = await pieces.next().catch((error: unknown) => {
          isBrokenOff = true
          throw error
        })
        if (next.done === true) return
        count += next.value.length
        yield next.value
      }
    } finally {
      clearInterval(timer)
    }
  }
  return { bytes: bytes(), isBrokenOff: () => isBrokenOff }
}

/** The bytes first, then history: what history names is there. */
const recorded = async (house: House, call: Upload, received: ReceivedArtifact): Promise<Reply> => {
  const { tenant, params, query } = call
  const { executionId, ...data } = params
  const { bytes, sha256 } = received
  await house.leases.fence(tenant, query.workerId, query.epoch)
  const { state } = await house.headOf(tenant, 'execution', executionId)
  if (isVain(state as ExecutionState, nameOf(call), sha256)) await received.discard()
  else await received.keep()
  const outcome = await house.submit(requestOf(call, command, executionId, { ...data, ...query, bytes, sha256 }))
  if (outcome.kind !== 'done') return notDone(outcome, { kind: 'execution', id: executionId })
  const artifact = shownArtifact(nameOf(call), received)
  const headers: Record<string, string> = { etag: `"${sha256}"` }
  if (outcome.replayed) headers['idempotent-replayed'] = 'true'
  const created = outcome.replayed || outcome.commits.length > 0
  if (created) headers['location'] = artifact.href
  return resource(artifact, created ? 201 : 200, headers)
}

/** Will be refused however long it is waited, or is there already: a path keeps its bytes, and an ended attempt takes none. */
const isVain = (state: ExecutionState, name: ArtifactName, sha256: string): boolean => {
  const known = artifactIn(state, name)
  return known === undefined ? attemptIn(state, name)?.status !== 'started' : known !== sha256
}
