import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { AttemptName, Lease, LeaseFlag } from '../../domain/leaseStore.ts'
import { type Attributes, number, text } from './engine.ts'
import { layout } from './layout.ts'

export const leaseNames = layout.items.lease.attributes

/** `{tenant}/{workerId}`: tenants hold no slash. */
export const workerKey = (tenant: string, workerId: string): string => `${tenant}/${workerId}`

type AttemptTuple = readonly [executionId: string, taskName: string, attempt: number]

/** As lists: names would be half of a lease. */
export const attemptsText = (attempts: readonly AttemptName[]): string =>
  JSON.stringify(attempts.map(({ executionId, taskName, attempt }): AttemptTuple => [executionId, taskName, attempt]))

const attemptsIn = (value: AttributeValue | undefined): readonly AttemptName[] =>
  (JSON.parse(value?.S ?? '[]') as AttemptTuple[]).map(([executionId, taskName, attempt]) => ({
    executionId,
    taskName,
    attempt,
  }))

/** What makes a flag the same as another: two with another grace are one. */
export const flagText = (flag: LeaseFlag): string => (flag.kind === 'drain' ? 'drain' : attemptsText([flag]))
export const graceOf = (flag: LeaseFlag): number => (flag.kind === 'drain' ? 0 : flag.graceMs)

const flagFrom = (value: AttributeValue, grace: AttributeValue | undefined): LeaseFlag => {
  const [attempt] = value.S === 'drain' ? [] : attemptsIn(value)
  return attempt === undefined
    ? { kind: 'drain' }
    : { kind: 'cancel-attempt', ...attempt, graceMs: Number(grace?.N ?? 0) }
}

const listOf = (values: readonly AttributeValue[]): AttributeValue => ({ L: [...values] })

/** Without key and identity. Instants that are not there are not written. */
export const leaseAttributes = (lease: Lease): Attributes => {
  const { epoch, benchIds, lastSeenAt, expiresAt, attempts, attemptsBefore, flags } = lease
  const { beatAt, beatBeforeAt, suspectedAt, markedAt } = lease
  const instants = { beatAt, beatBeforeAt, suspectedAt, markedAt }
  const known = Object.entries(instants).flatMap(([name, instant]) =>
    instant === undefined ? [] : [[leaseNames[name as keyof typeof instants], text(instant)] as const],
  )
  return {
    [leaseNames.epoch]: number(epoch),
    [leaseNames.benchIds]: listOf(benchIds.map(text)),
    [leaseNames.lastSeenAt]: text(lastSeenAt),
    [leaseNames.expiresAt]: text(expiresAt),
    [leaseNames.attempts]: text(attemptsText(attempts)),
    [leaseNames.attemptsBefore]: text(attemptsText(attemptsBefore)),
    [leaseNames.flags]: listOf(flags.map((flag) => text(flagText(flag)))),
    [leaseNames.graces]: listOf(flags.map((flag) => number(graceOf(flag)))),
    ...Object.fromEntries(known),
  }
}

export const epochIn = (item: Attributes): number => Number(item[leaseNames.epoch]?.N)

const instantIn = <Name extends 'beatAt' | 'beatBeforeAt' | 'suspectedAt' | 'markedAt'>(
  item: Attributes,
  name: Name,
): Partial<Record<Name, string>> => {
  const instant = item[leaseNames[name]]?.S
  // Of a first beat the one before it is written as none.
  return instant === undefined || instant === '' ? {} : ({ [name]: instant } as Record<Name, string>)
}

export const leaseIn = (item: Attributes): Lease => {
  const [tenant = ''] = (item[leaseNames.worker]?.S ?? '').split('/', 1)
  const graces = item[leaseNames.graces]?.L ?? []
  return {
    tenant,
    workerId: (item[leaseNames.worker]?.S ?? '').slice(tenant.length + 1),
    epoch: epochIn(item),
    benchIds: (item[leaseNames.benchIds]?.L ?? []).map(({ S = '' }) => S),
    lastSeenAt: item[leaseNames.lastSeenAt]?.S ?? '',
    ...instantIn(item, 'beatAt'),
    ...instantIn(item, 'beatBeforeAt'),
    expiresAt: item[leaseNames.expiresAt]?.S ?? '',
    attempts: attemptsIn(item[leaseNames.attempts]),
    attemptsBefore: attemptsIn(item[leaseNames.attemptsBefore]),
    flags: (item[leaseNames.flags]?.L ?? []).map((value, at) => flagFrom(value, graces[at])),
    ...instantIn(item, 'suspectedAt'),
    ...instantIn(item, 'markedAt'),
  }
}
