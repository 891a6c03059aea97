import type { RowChange } from '../../domain/ports.ts'
import { rowKey } from '../rows.ts'
import type { Attributes } from './engine.ts'
import {
  type Content,
  carriedAttributes,
  contentOf,
  isSameItem,
  type RowState,
  rowAttributes,
  stateIn,
  stateOf,
  versionAttribute,
} from './viewItems.ts'
import { type PlaceKey, placeKeys, placeName, type RowName, rowPartition } from './viewKeys.ts'
import type { KnownRows } from './viewKnown.ts'
import type { CarryingChange, Rows } from './viewRows.ts'

export interface WritesOptions {
  rows: Rows
  known: KnownRows
  generation: number
  addCounts: (created: ReadonlyMap<string, number>) => Promise<void>
  saveCheckpoint: (consumer: string, cursor: string) => Promise<void>
}

/** What became of a change: `kept` is a derived row that is there already, or a newer one. */
type Outcome = 'created' | 'replaced' | 'kept' | 'failed'

/** Races lost by one derived row to other writers of it. */
const attemptCountMax = 50

/**
 * Derived rows first, then heads, rows beside one another; each is one conditional put, with its entries before and after:
 *
 * 1. places that the row comes to are entered;
 * 2. the row itself is put, if it still is as it was known; in one transaction with the entries that carry it;
 * 3. places that it has left are left.
 *
 * So every place that a row names is there, and one that it does not name is seen by nobody: who finds a row through an
 * entry asks the row, unless the entry carries it. What a crash or a lost race leaves behind costs some bytes until the
 * rows are built anew.
 */
export const openWrites = (options: WritesOptions) => {
  const { known, rows } = options
  return async (
    changes: readonly RowChange[],
    checkpoint?: { consumer: string; cursor: string },
  ): Promise<readonly string[]> => {
    const derived = newestOf(changes.filter(({ previousVersion }) => previousVersion === 'older'))
    const heads = changes.filter(({ previousVersion }) => previousVersion !== 'older')
    await known.learn(rows, [...derived, ...heads].filter(needsLook(known)).map(keyOf))
    const written = [...(await writeAll(options, derived)), ...(await writeAll(options, heads))]
    const created = Map.groupBy(
      written.filter(({ outcome }) => outcome === 'created'),
      ({ change }) => change.view,
    )
    await options.addCounts(new Map([...created].map(([view, own]) => [view, own.length])))
    const failed = written.filter(({ outcome }) => outcome === 'failed')
    if (checkpoint !== undefined && failed.length === 0)
      await options.saveCheckpoint(checkpoint.consumer, checkpoint.cursor)
    return failed.map(({ change: { view, row } }) => `${view}/${row.id}`)
  }
}

const keyOf = ({ view, tenant, row }: RowChange): string => rowKey(view, tenant, row.id)

/** Of each row the newest change; of two of one version the first. */
const newestOf = (changes: readonly RowChange[]): readonly RowChange[] => {
  const newest = new Map<string, RowChange>()
  for (const change of changes) {
    const other = newest.get(keyOf(change))
    if (other === undefined || other.row.version < change.row.version) newest.set(keyOf(change), change)
  }
  return [...newest.values()]
}

/** Who replaces a row needs to know where it stands; who says that there is none is believed until the put. */
const needsLook =
  (known: KnownRows) =>
  (change: RowChange): boolean => {
    const version = known.get(keyOf(change))?.version
    if (change.previousVersion === 'older') return version === undefined
    return change.previousVersion !== 0 && version !== change.previousVersion
  }

interface Written {
  change: RowChange
  outcome: Outcome
}

/** Changes of one row one after another, in the order they are given. */
const writeAll = async (options: WritesOptions, changes: readonly RowChange[]): Promise<readonly Written[]> => {
  const groups = await Promise.all(
    [...Map.groupBy(changes, keyOf).values()].map(async (own) => {
      const written: Written[] = []
      for (const change of own) written.push({ change, outcome: await write(options, change) })
      return written
    }),
  )
  const outcomes = new Map(groups.flat().map((each) => [each.change, each]))
  return changes.flatMap((change) => outcomes.get(change) ?? [])
}

const write = async (options: WritesOptions, change: RowChange): Promise<Outcome> => {
  const { known } = options
  const [key, { row, previousVersion }] = [keyOf(change), change]
  const content = contentOf(row.version, row.body)
  const state = stateOf(change, content)
  for (let attempt = 1; ; attempt++) {
    const former = known.get(key)
    const version = former?.version ?? 0
    if (previousVersion === 'older' && version >= row.version) return 'kept'
    if (previousVersion !== 'older' && version !== previousVersion) return 'failed'
    const answer = await replace(options, change, { former, state, content })
    if (answer === 'done') return version === 0 ? 'created' : 'replaced'
    if (previousVersion !== 'older') return 'failed'
    if (attempt === attemptCountMax) throw new Error(`${key} keeps changing: lost ${attempt} races in a row`)
  }
}

interface Replacement {
  former: RowState | undefined
  state: RowState
  content: Content
}

/** Refused: it was not what it was known to be. */
const replace = async (
  options: WritesOptions,
  change: RowChange,
  { former, state, content }: Replacement,
): Promise<'done' | 'refused'> => {
  const { rows, known, generation } = options
  const [key, { version }] = [keyOf(change), state]
  const { entering, leaving, carrying } = movesOf(generation, nameOf(change), former, { state, content })
  if (content.parts !== undefined)
    await rows.parts.write(rowPartition(generation, key), content.parts.name, content.parts.pieces)
  await Promise.all(entering.map((place) => rows.enter(place, version)))
  const attributes = rowAttributes(state, content)
  const answer = await rows.put(key, attributes, former?.version ?? 0, carrying)
  if (answer.kind === 'refused' && !(answer.isRepeated && isSameItem(answer.found ?? {}, attributes))) {
    await yieldTo(options, change, answer.found, entering)
    return 'refused'
  }
  known.set(key, state)
  await Promise.all(leaving.map((place) => rows.leave(place, version)))
  if (former?.parts !== undefined) await rows.parts.remove(rowPartition(generation, key), former.parts)
  return 'done'
}

/** The places that a row comes to and leaves; those that carry it apart, which are as new as the row. */
const movesOf = (
  generation: number,
  name: RowName,
  former: RowState | undefined,
  { state, content }: { state: RowState; content: Content },
) => {
  const own = placeKeys(generation, name, state)
  const before = former === undefined ? noPlaces : placeKeys(generation, name, former)
  const item = { ...carriedAttributes(state, content), ...versionAttribute(state) }
  const isPlain = ({ isCarrying }: PlaceKey): boolean => !isCarrying
  const [entered, left] = [except(own, before), except(before, own)]
  return {
    entering: entered.filter(isPlain),
    leaving: left.filter(isPlain),
    carrying: [
      ...[...own.values()].filter(({ isCarrying }) => isCarrying).map((place) => ({ ...place, item })),
      ...left.filter(({ isCarrying }) => isCarrying).map((place) => ({ ...place, isLeft: true as const })),
    ] satisfies CarryingChange[],
  }
}

/** Another was faster: leaves the places that the row does not name as it is now. */
const yieldTo = async (
  { rows, known, generation }: WritesOptions,
  change: RowChange,
  found: Attributes | undefined,
  entered: readonly PlaceKey[],
): Promise<void> => {
  if (found === undefined) {
    known.forget(keyOf(change))
    return
  }
  const state = stateIn(found)
  known.set(keyOf(change), state)
  const named = placeKeys(generation, nameOf(change), state)
  const orphans = entered.filter((place) => !named.has(placeName(place)))
  await Promise.all(orphans.map((place) => rows.leave(place, state.version)))
}

const nameOf = ({ view, tenant, row }: RowChange) => ({ view, tenant, id: row.id })

const noPlaces: ReadonlyMap<string, PlaceKey> = new Map()

const except = (places: ReadonlyMap<string, PlaceKey>, others: ReadonlyMap<string, PlaceKey>): readonly PlaceKey[] =>
  [...places].filter(([text]) => !others.has(text)).map(([, place]) => place)
