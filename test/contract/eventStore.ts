import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Commit, lastVersion } from '../../domain/event.ts'
import type { AppendResult, Check, EventStore, NewCommit } from '../../domain/ports.ts'
import { appendLaws, checkLaws, raceLaws } from './eventStoreAppends.ts'
import { feedLaws, scanLaws, wakeLaws } from './eventStoreFeed.ts'
import { lifeLaws, loadLaws, rideLaws } from './eventStoreReads.ts'
import { refusalLaws, sealLaws } from './eventStoreSeals.ts'
import { after, drain, hold, independentHash, named, type Open } from './medium.ts'

/** The laws of the EventStore port: whatever passes them can stand where another does. */
export const eventStoreContract = (name: string, open: Open) =>
  describe(`the history in ${name}`, () => {
    for (const laws of [appendLaws, checkLaws, raceLaws, sealLaws, refusalLaws]) laws(open)
    for (const laws of [loadLaws, rideLaws, lifeLaws, feedLaws, wakeLaws, scanLaws]) laws(open)

    test('whatever is appended, in whatever company, the store agrees with a simple model', async () => {
      const property = fc.asyncProperty(fc.array(burst, { minLength: 1, maxLength: 12 }), async (bursts) => {
        const { store, isUnordered = false } = await open()
        const model = new Map<string, Commit[]>()
        for (const members of bursts) await playBurst(store, model, members, isUnordered)
        await compare(store, model)
        await store.close()
      })
      await fc.assert(property, { numRuns: 40 })
    })
  })

interface Member {
  rig: number
  /** How far from the head: 0 is right, less is stale. */
  offset: number
  eventCount: number
  isCheck: boolean
}

/** Appends that are asked for in one breath. */
const burst = fc.array(
  fc.uniqueArray(
    fc.record<Member>({
      rig: fc.nat(4),
      offset: fc.constantFrom(0, 0, 0, -1),
      eventCount: fc.integer({ min: 1, max: 3 }),
      isCheck: fc.constantFrom(false, false, true),
    }),
    { minLength: 1, maxLength: 4, selector: ({ rig }) => rig },
  ),
  { minLength: 1, maxLength: 5 },
)

const streamOf = ({ rig }: Member): string => `acme/bench/rig-${rig}`

const playBurst = async (
  store: EventStore,
  model: Map<string, Commit[]>,
  appends: readonly Member[][],
  isUnordered: boolean,
) => {
  const planned = appends.map((members, index) => plan(model, members, `append-${index}`))
  const results = await Promise.all(planned.map(({ commits, checks }) => store.append(commits, checks)))
  const played = planned.map((each, index) => ({ ...each, result: results[index]! }))
  for (const { result, ...each } of isUnordered ? explained(model, played) : played) judge(model, each, result)
}

type Played = Plan & { result: AppendResult }

/**
 * The appends of one breath in an order that explains what each was answered, if there is one: those that were written
 * first, each before whoever wrote what it had checked; then the others, which may have lost to any of them.
 */
const explained = (model: ReadonlyMap<string, readonly Commit[]>, played: readonly Played[]): readonly Played[] => {
  const written = played.filter(({ result }) => result.kind === 'appended')
  const lost = played.filter(({ result }) => result.kind === 'conflict')
  const takes = ({ commits }: Plan, stream: string, version: number) =>
    commits.some((commit) => commit.stream === stream && commit.version === version + 1)
  const before = (one: Played, other: Played): boolean =>
    one !== other && one.checks.some(({ stream, version }) => takes(other, stream, version))
  const ordered: Played[] = []
  for (let left = written; left.length > 0; left = left.filter((each) => !ordered.includes(each))) {
    const next = left.find((each) => !left.some((other) => before(other, each)))
    if (next === undefined) throw new Error('appends that no order explains')
    ordered.push(next)
  }
  return [...ordered, ...lost.map((each) => seenThen(model, each, ordered))]
}

/** Some of the winners may have come after the append was refused: what it was told of must be among them, and something. */
const seenThen = (model: ReadonlyMap<string, readonly Commit[]>, lost: Played, written: readonly Played[]): Played => {
  if (lost.result.kind !== 'conflict') return lost
  const told = new Set(lost.result.winners.map(named))
  const isOld = (stream: string, version: number) =>
    (model.get(stream) ?? []).some((commit) => commit.version === version)
  const isTold = (stream: string, version: number) =>
    isOld(stream, version) || told.has(named({ stream, version })) || !takenBy(written, stream, version)
  return {
    result: lost.result,
    commits: lost.commits.filter(({ stream, version }) => isTold(stream, version)),
    checks: lost.checks.filter(({ stream, version }) => isTold(stream, version + 1)),
  }
}

const takenBy = (written: readonly Played[], stream: string, version: number): boolean =>
  written.some(({ commits }) => commits.some((commit) => commit.stream === stream && commit.version === version))

interface Plan {
  commits: readonly NewCommit[]
  checks: readonly Check[]
}

const plan = (model: ReadonlyMap<string, readonly Commit[]>, members: readonly Member[], commandId: string): Plan => {
  const headOf = (member: Member): Commit | undefined => {
    const commits = model.get(streamOf(member)) ?? []
    return commits.at(commits.length - 1 + member.offset)
  }
  return {
    commits: members
      .filter(({ isCheck }) => !isCheck)
      .map((member) => {
        const events = Array.from({ length: member.eventCount }, (_, step) => hold({ step }))
        return after(streamOf(member), headOf(member), { events, commandId })
      }),
    checks: members
      .filter(({ isCheck }) => isCheck)
      .map((member) => {
        const head = headOf(member)
        return { stream: streamOf(member), version: head === undefined ? 0 : lastVersion(head) }
      }),
  }
}

/** Appends of one breath take effect in the order they were asked for. */
const judge = (model: Map<string, Commit[]>, { commits, checks }: Plan, result: AppendResult): void => {
  const at = (stream: string, version: number) => model.get(stream)?.find((commit) => commit.version === version)
  const winners = [
    ...commits.map(({ stream, version }) => at(stream, version)),
    ...checks.map(({ stream, version }) => at(stream, version + 1)),
  ].filter((commit) => commit !== undefined)
  if (winners.length > 0) {
    expect(result).toEqual({ kind: 'conflict', winners })
    return
  }
  expect(result).toMatchObject({
    kind: 'appended',
    commits: commits.map(({ stream, version }) => ({ stream, version })),
  })
  if (result.kind === 'conflict') return
  for (const commit of result.commits) model.set(commit.stream, [...(model.get(commit.stream) ?? []), commit])
}

const compare = async (store: EventStore, model: ReadonlyMap<string, readonly Commit[]>): Promise<void> => {
  for (const [stream, commits] of model) {
    expect(await store.load(stream)).toEqual(commits)
    for (const commit of commits) expect(commit.hash).toBe(independentHash(commit))
  }
  const fed = (await drain(store, undefined, 7)).map(({ commit }) => named(commit))
  expect(fed.toSorted()).toEqual([...model.values()].flat().map(named).toSorted())
}
