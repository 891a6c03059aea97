import type { RowChange, ViewRow, ViewStore } from '../../domain/ports.ts'
import { type FoundLetter, isRange, type Letter, type Letters, type RangeLetter } from '../../projections/letters.ts'

/** A letter that was redriven stays, and stands nowhere: the same commit may be put aside again. */
interface Body {
  letter: Letter | RangeLetter
  isDone: boolean
}

const view = 'streamLetters'
/** Of the whole house: a range is no tenant's. */
const tenant = '-'
const [index, partition] = ['all_idx', 'open']
const pageLimit = 100

const idOf = (letter: Letter | RangeLetter): string =>
  isRange(letter)
    ? `${letter.consumer}:${letter.shardId}:${letter.startSequenceNumber}`
    : `${letter.consumer}:${letter.sequenceNumber}`

const changeOf = (id: string, version: number, body: Body): RowChange => ({
  view,
  tenant,
  row: { id, version, body },
  previousVersion: version - 1,
  entries: body.isDone ? [] : [{ index, partition, sort: `${body.letter.at}/${id}` }],
})

/** Dead letters as rows of a set that no rebuild replaces: for a house without queues. Each is kept once. */
export const openLetterRows = (rows: Pick<ViewStore, 'read' | 'write' | 'query'>) => {
  const keepAll = async (letters: readonly (Letter | RangeLetter)[]): Promise<void> => {
    const byId = new Map(letters.map((letter) => [idOf(letter), letter]))
    const known = new Map((await rows.read(view, tenant, [...byId.keys()])).map((row) => [row.id, row]))
    const changes = [...byId].flatMap(([id, letter]) => {
      const row = known.get(id)
      if (row !== undefined && !(row.body as Body).isDone) return []
      return changeOf(id, (row?.version ?? 0) + 1, { letter, isDone: false })
    })
    // A row that another has written meanwhile is the same letter.
    if (changes.length > 0) await rows.write(changes)
  }
  return {
    keep: keepAll,
    keepRange: (letter: RangeLetter) => keepAll([letter]),
    found: () => found(rows),
  } satisfies Letters & { found: unknown }
}

/** The oldest first. */
async function* found(rows: Pick<ViewStore, 'write' | 'query'>): AsyncGenerator<FoundLetter> {
  let cursor: string | undefined
  do {
    const question = { view, tenant, index, partition, limit: pageLimit }
    const page = await rows.query(cursor === undefined ? question : { ...question, cursor })
    for (const row of page.rows) yield foundIn(rows, row)
    cursor = page.nextCursor
  } while (cursor !== undefined)
}

const foundIn = (rows: Pick<ViewStore, 'write'>, { id, version, body }: ViewRow): FoundLetter => {
  const { letter } = body as Body
  return {
    letter,
    remove: async () => {
      await rows.write([changeOf(id, version + 1, { letter, isDone: true })])
    },
  }
}
