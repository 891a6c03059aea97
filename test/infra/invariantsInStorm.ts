/** The invariants while everybody does everything at once: for any medium that a house can be opened on. */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Outcome } from '../../domain/handle.ts'
import { openDice } from '../dice.ts'
import { drained } from './commands.ts'
import { foldedRows, numbers, openTime, shownRows, type Voiced } from './house.ts'
import { rage } from './rage.ts'
import { problemsOfHistory } from './retold.ts'
import type { Sent, Storm } from './storm.ts'

type Done = Extract<Outcome, { kind: 'done' }>
const isReport = (type: string): boolean => /^(?:Complete|Fail)Attempt$|^AcknowledgeCancel$/.test(type)
const isCreation = (type: string): boolean =>
  /^(?:RequestReservation|SubmitExecution|EnrolWorker|RegisterBench)$/.test(type)
const isStale = ({ outcome }: Sent): boolean =>
  outcome.kind === 'refused' && /^Stale(?:Epoch|Attempt)$/.test(outcome.rejection.rejection)

const doneBy = (sent: readonly Sent[]) =>
  sent.flatMap((one) => (one.outcome.kind === 'done' ? [{ ...one, outcome: one.outcome }] : []))
const told = ({ head }: Done) => ({ version: head.version, state: head.state })

interface Written {
  /** How often the command of a key was appended to the stream it addressed. */
  counts: ReadonlyMap<string, number>
  /** Rejected reports that were kept, by execution. */
  evidence: ReadonlyMap<string, number>
}

const writtenIn = async ({ services }: Voiced): Promise<Written> => {
  const counts = new Map<string, number>()
  const evidence = new Map<string, number>()
  for await (const { stream, commandId, events } of commitsOf(services.history)) {
    const key = `${stream} ${commandId}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    const rejected = events.filter(({ type }) => type === 'AttemptReportRejected').length
    if (rejected > 0) evidence.set(stream, (evidence.get(stream) ?? 0) + rejected)
  }
  return { counts, evidence }
}

async function* commitsOf(history: Voiced['services']['history']) {
  for (let cursor: string | undefined; ; ) {
    const page = await history.feed(cursor, 500)
    if (page.commits.length === 0) return
    for (const { commit } of page.commits) yield commit
    cursor = page.cursor
  }
}

/** 7: what was acknowledged is there, once; whoever sent it twice at once was answered the same. */
const lostOrDouble = (sent: readonly Sent[], { counts }: Written): string[] =>
  doneBy(sent).flatMap(({ kind, id, type, key, outcome }) => {
    const count = counts.get(`default/${kind}/${id} ${key}`) ?? 0
    // A report that repeats one under another key is answered as that one was.
    const isWritten = outcome.commits.length > 0 || (outcome.replayed && !isReport(type))
    return count > 1 || (isWritten && count === 0) ? [`7: ${key} on ${id} was appended ${count} times`] : []
  })

/** 7: a retry is told what was told the first time: creations and reports for ever. */
const otherwiseAnswered = async ({ all, sent }: Storm): Promise<string[]> => {
  const lasting = doneBy(sent).filter(
    ({ type, outcome }) => (isCreation(type) || isReport(type)) && outcome.commits.length > 0,
  )
  const problems: string[] = []
  for (const { kind, id, type, data, key, outcome } of lasting) {
    const again = await all.send(kind, id, type, data, { idempotencyKey: key })
    const isSame = again.kind === 'done' && again.replayed && isDeepStrictEqual(told(again), told(outcome))
    if (!isSame) problems.push(`7: ${key} on ${id} was answered otherwise: ${again.kind}`)
  }
  return problems
}

/** 4: each report that came too late was kept. */
const unkept = (sent: readonly Sent[], { evidence }: Written): string[] => {
  const late = Map.groupBy(
    sent.filter((one) => isStale(one) && one.type !== 'ClaimTask'),
    ({ kind, id }) => `default/${kind}/${id}`,
  )
  return [...late].flatMap(([stream, reports]) => {
    const kept = evidence.get(stream) ?? 0
    return stream.startsWith('default/execution/') && kept !== Math.min(reports.length, 100)
      ? [`4: of ${reports.length} late reports on ${stream}, ${kept} were kept`]
      : []
  })
}

/** What the storm must have done for its silence to mean anything. */
const expectViolence = (sent: readonly Sent[]): void => {
  const refused = new Set(
    sent.flatMap(({ outcome }) => (outcome.kind === 'refused' ? [outcome.rejection.rejection] : [])),
  )
  const accepted = Map.groupBy(
    doneBy(sent).filter(({ outcome }) => outcome.commits.length > 0),
    ({ type }) => type,
  )
  for (const type of [
    'RequestReservation',
    'SubmitExecution',
    'ClaimTask',
    'CompleteAttempt',
    'OpenSession',
    'ExpireSession',
  ])
    expect([type, accepted.has(type)]).toEqual([type, true])
  for (const rejection of ['StaleEpoch', 'StaleAttempt', 'BenchAlreadyServed']) expect(refused).toContain(rejection)
}

export const invariantsInStorm = (
  medium: string,
  open: (now: () => string) => Promise<Voiced>,
  stepCount: number,
): void => {
  describe(`on ${medium}, while everybody does everything at once`, () => {
    test('every invariant holds at every moment of history, and views equal it', { timeout: 90_000 }, async () => {
      const dice = openDice()
      const time = openTime()
      await dice.telling(`a storm on ${medium}`, async () => {
        const all = await open(time.now)
        const storm: Storm = {
          all,
          time,
          dice,
          sent: [],
          made: { reservations: [], executions: [], bookings: 0, plans: 0, keys: 0 },
        }
        await rage(storm, stepCount)
        await drained(all)
        const written = await writtenIn(all)
        expectViolence(storm.sent)
        expect(
          storm.sent.filter(({ outcome }) => outcome.kind === 'contended' || outcome.kind === 'key-reused'),
        ).toEqual([])
        expect(await problemsOfHistory(all.services.history)).toEqual([])
        expect([...unkept(storm.sent, written), ...lostOrDouble(storm.sent, written)]).toEqual([])
        const end = await all.services.history.feedEnd()
        expect(await otherwiseAnswered(storm)).toEqual([])
        expect(await all.services.history.feedEnd()).toBe(end)
        expect(await shownRows(all)).toEqual(await foldedRows(all.services.history))
        expect((await all.services.verify(undefined)).failures).toEqual([])
        for (const [name, value] of Object.entries(numbers(all.house)))
          if (/failures|outages|dead/.test(name)) expect([name, value]).toEqual([name, 0])
      })
    })
  })
}
