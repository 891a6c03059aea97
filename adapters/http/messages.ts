import type { Commit } from '../../domain/event.ts'
import { streamName } from '../../domain/ids.ts'
import { contentBytesMax } from '../../domain/message/commands.ts'
import type { Call } from './call.ts'
import { notDone, requestOf } from './commands.ts'
import type { House } from './house.ts'
import { notFound, problem } from './problems.ts'
import { etag, type Reply, resource } from './replies.ts'

const command = { kind: 'message', type: 'AcceptMessage', id: 'messageId' } as const

/** Accepted once and for all: 201 for a new one and for a retry of its command, 200 for the same content again. */
export const acceptMessage =
  (house: House) =>
  async (call: Call<'acceptMessage'>): Promise<Reply> => {
    const { messageId } = call.params
    const bytes = house.canonicalBytes(call.body)
    if (bytes > contentBytesMax)
      return problem('too-large', `${bytes} bytes in canonical form: at most ${contentBytesMax}`, {
        bytes,
        bytesMax: contentBytesMax,
      })
    const data = { content: call.body, sha256: house.hash(call.body) }
    const outcome = await house.submit(requestOf(call, command, messageId, data))
    if (outcome.kind !== 'done') return notDone(outcome, { kind: 'message', id: messageId })
    const commit = outcome.commits[0] ?? (await firstCommit(house, call.tenant, messageId))
    if (commit === undefined) throw new Error(`message ${messageId} was accepted, but is not there`)
    const headers: Record<string, string> = etag(1)
    if (outcome.created) headers['location'] = `/v1/messages/${encodeURIComponent(messageId)}`
    if (outcome.replayed) headers['idempotent-replayed'] = 'true'
    return resource(shown(messageId, commit), outcome.created ? 201 : 200, headers)
  }

export const getMessage =
  (house: House) =>
  async ({ tenant, params: { messageId } }: Call<'getMessage'>): Promise<Reply> => {
    const commit = await firstCommit(house, tenant, messageId)
    return commit === undefined ? notFound(`message ${messageId}`) : resource(shown(messageId, commit), 200, etag(1))
  }

const firstCommit = async ({ history }: House, tenant: string, id: string): Promise<Commit | undefined> => {
  const [commit] = await history.load(streamName(tenant, 'message', id), { from: 1, to: 1 })
  return commit
}

const shown = (messageId: string, { at, actor, version, events }: Commit) => ({
  messageId,
  acceptedAt: at,
  actor,
  content: (events[0]?.data as { content: unknown } | undefined)?.content,
  version,
})
