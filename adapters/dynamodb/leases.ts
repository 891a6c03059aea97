import { GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { type Beat, flagCountMax, type Lease, type LeaseStore, type Renewal } from '../../domain/leaseStore.ts'
import { type Attempted, type Attributes, type Engine, number, openEngine, text } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import { layout } from './layout.ts'
import { attemptsText, epochIn, flagText, graceOf, leaseIn } from './leaseItems.ts'
import { type Conditional, leaseKey, leaseSort, openLeaseRequests } from './leaseRequests.ts'

/**
 * Leases in DynamoDB: one item per worker, so that a beat is one conditional update, of one write unit while the lease is
 * below 1 KB, and its answer has the flags. No index: who looks for silent workers scans this small table. A beat that the
 * SDK repeats, its answer being lost, counts once. The client is the caller's to destroy.
 * Throws the fault `storage-unusable` for an outage.
 */
export const openLeases = (options: EntityOptions) => {
  const engine = openEngine(options, 'leases')
  const requests = openLeaseRequests(engine, options)
  return {
    open: async (lease) => {
      const condition = 'attribute_not_exists(#epoch) OR #epoch < :epoch'
      const answer = await requests.put(lease, { condition, values: { ':epoch': number(lease.epoch) } })
      if (answer.kind === 'done') return 'opened'
      return answer.found !== undefined && epochIn(answer.found) > lease.epoch ? 'superseded' : 'known'
    },
    renew: async (beat) => renewalOf(beat, await requests.update(...beaten(beat))),
    get: async (tenant, workerId) => {
      const request = { TableName: engine.table, Key: leaseKey(tenant, workerId), ConsistentRead: true }
      const { Item } = await engine.ask(async (client) => client.send(new GetItemCommand(request)))
      return Item === undefined ? undefined : leaseIn(Item)
    },
    close: async (tenant, workerId, epoch) => {
      await requests.remove(ofSession({ tenant, workerId, epoch }))
    },
    flag: async (tenant, workerId, epoch, flag) => {
      const { values, ...session } = ofSession({ tenant, workerId, epoch })
      const [own, grace] = [text(flagText(flag)), number(graceOf(flag))]
      const [condition, ...change] = flagged
      const bound = { ':flag': own, ':flagCountMax': number(flagCountMax) }
      const added = { ':flags': { L: [own] }, ':graces': { L: [grace] } }
      const answer = await requests.update(
        { ...session, condition, values: { ...values, ...bound, ...added } },
        change.join(', '),
      )
      return answer.kind === 'done' || (answer.found !== undefined && epochIn(answer.found) === epoch)
    },
    suspect: async (seen, at) => {
      const { condition, ...change } = unchangedSince(seen, at)
      const unmarked = { ...change, condition: `${condition} AND attribute_not_exists(#markedAt)` }
      const answer = await requests.update(unmarked, 'SET #suspectedAt = if_not_exists(#suspectedAt, :at)')
      return answer.kind === 'done'
    },
    recover: async (tenant, workerId, epoch) => {
      await requests.update(ofSession({ tenant, workerId, epoch }), 'REMOVE #suspectedAt')
    },
    mark: async (seen, at) => {
      const answer = await requests.update(unchangedSince(seen, at), 'SET #markedAt = if_not_exists(#markedAt, :at)')
      return answer.kind === 'done'
    },
    scan: () => scan(engine),
  } satisfies LeaseStore
}

const ofSession = ({ tenant, workerId, epoch }: Pick<Lease, 'tenant' | 'workerId' | 'epoch'>): Conditional => ({
  tenant,
  workerId,
  condition: '#epoch = :epoch',
  values: { ':epoch': number(epoch) },
})

const unchangedSince = (seen: Lease, at: string): Conditional => {
  const { condition, values, ...session } = ofSession(seen)
  const expiresAt = { ':expiresAt': text(seen.expiresAt), ':at': text(at) }
  return { ...session, condition: `${condition} AND #expiresAt = :expiresAt`, values: { ...values, ...expiresAt } }
}

const flagged = [
  '#epoch = :epoch AND NOT contains(#flags, :flag) AND size(#flags) < :flagCountMax',
  'SET #flags = list_append(#flags, :flags)',
  '#graces = list_append(#graces, :graces)',
] as const

/** All on the right is as it was before; a first beat has none before it. */
const beatExpression = `SET ${[
  '#lastSeenAt = :seenAt',
  '#beatBeforeAt = if_not_exists(#beatAt, :none)',
  '#beatAt = :at',
  '#expiresAt = :expiresAt',
  '#attemptsBefore = #attempts',
  '#attempts = :attempts',
].join(', ')}`

/** The same beat again would take the place of the one before it, as if the worker had told twice what it runs. */
const beatCondition =
  '#epoch = :epoch AND attribute_not_exists(#markedAt) AND NOT (#beatAt = :at AND #attempts = :attempts)'

const beaten = ({ tenant, workerId, epoch, seenAt, at, expiresAt, attempts }: Beat): [Conditional, string] => {
  const instants = { ':seenAt': text(seenAt), ':at': text(at), ':expiresAt': text(expiresAt), ':none': text('') }
  const values = { ':epoch': number(epoch), ...instants, ':attempts': text(attemptsText(attempts)) }
  return [{ tenant, workerId, condition: beatCondition, values }, beatExpression]
}

const renewalOf = ({ epoch }: Beat, answer: Attempted<Attributes>): Renewal => {
  if (answer.kind === 'done') return { kind: 'renewed', lease: leaseIn(answer.answer) }
  const lease = answer.found === undefined ? undefined : leaseIn(answer.found)
  if (lease === undefined || lease.epoch < epoch) return { kind: 'unknown' }
  // What else could have been in the way is this very beat.
  const isOwn = lease.epoch === epoch && lease.markedAt === undefined
  return isOwn ? { kind: 'renewed', lease } : { kind: 'stale', epoch: lease.epoch }
}

/** Leases of a page: neither takes long nor much memory. */
const pageCountMax = 1_000

/**
 * Half the price of a consistent read, and as good: what is done to a lease is on the condition that it still is as seen.
 */
async function* scan({ ask, table }: Engine): AsyncGenerator<readonly Lease[], void> {
  const { rangeKey } = layout.tables.leases
  let next: Attributes | undefined
  do {
    const request = {
      TableName: table,
      Limit: pageCountMax,
      ...(next === undefined ? {} : { ExclusiveStartKey: next }),
    }
    const { Items = [], LastEvaluatedKey } = await ask(async (client) => client.send(new ScanCommand(request)))
    const page = Items.filter((item) => item[rangeKey.name]?.S === leaseSort).map(leaseIn)
    if (page.length > 0) yield page
    next = LastEvaluatedKey
  } while (next !== undefined)
}
