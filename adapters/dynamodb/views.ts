import { ScanCommand } from '@aws-sdk/client-dynamodb'
import type { ViewStore } from '../../domain/ports.ts'
import { rowKey, rowPartsOf, type ScannedRow } from '../rows.ts'
import { type Attributes, type Engine, openEngine, text } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import { layout } from './layout.ts'
import { openFacts } from './viewFacts.ts'
import { stateIn } from './viewItems.ts'
import { rowKeyIn, rowPartition } from './viewKeys.ts'
import { openKnownRows } from './viewKnown.ts'
import { askDue, askRows } from './viewQuestions.ts'
import { openRows, type Rows } from './viewRows.ts'
import { openWrites } from './viewWrites.ts'

interface ViewsOptions extends EntityOptions {
  /** Which set of rows: they lie side by side in one table. From 1. */
  generation: number
}

/**
 * The views in DynamoDB. A row is one item, each of its places in an index another, and no index of the engine's is
 * used: all reads are strongly consistent. Many processes may write the same rows: of those that race for a version of one,
 * one wins. A row with its entries is no transaction, but nobody sees it in a place that it does not name; counts may be off
 * by what a crash has cut short. The client is the caller's to destroy, after `close`.
 * Throws the fault `storage-unusable` for an outage.
 */
export const openViews = ({ generation, ...options }: ViewsOptions) => {
  const engine = openEngine(options, 'views')
  const rows = openRows({ ...options, engine, generation })
  const known = openKnownRows()
  const facts = openFacts({ ...options, engine, generation })
  const write = openWrites({ rows, known, generation, ...facts })
  const asking = { engine, rows, generation }
  return {
    read: async (view, tenant, ids) => {
      const items = await rows.find(ids.map((id) => rowKey(view, tenant, id)))
      const found = await Promise.all(
        ids.map(async (id) => {
          const key = rowKey(view, tenant, id)
          const item = items.get(key)
          if (item === undefined) return []
          known.set(key, stateIn(item))
          return (await rows.whole(id, key, item)) ?? []
        }),
      )
      return found.flat()
    },
    write,
    query: async (question) => askRows(asking, question),
    due: async (until, limit) => askDue(asking, until, limit),
    checkpoint: facts.checkpoint,
    saveCheckpoint: facts.saveCheckpoint,
    close: engine.close,
    /** How many rows a view has, about. */
    rowCount: facts.rowCount,
    /** Every row of these views, or of all, in pages, in no order: reads the whole table. */
    scan: (views?: readonly string[]) => scan(engine, rows, startsOf(generation, views)),
  } satisfies ViewStore & { rowCount: unknown; scan: unknown }
}

const startsOf = (generation: number, views: readonly string[] = ['']): readonly string[] =>
  views.map((view) => rowPartition(generation, view === '' ? '' : `${view}/`))

async function* scan(
  { ask, table }: Engine,
  rows: Rows,
  starts: readonly string[],
): AsyncGenerator<readonly ScannedRow[], void> {
  const key = layout.items.row.attributes.key
  const request = {
    TableName: table,
    ConsistentRead: true,
    FilterExpression: `(${starts.map((_, at) => `begins_with(#key, :start${at})`).join(' OR ')}) AND attribute_exists(#places)`,
    ExpressionAttributeNames: { '#key': key, '#places': layout.items.row.attributes.places },
    ExpressionAttributeValues: Object.fromEntries(starts.map((start, at) => [`:start${at}`, text(start)])),
  }
  let next: Attributes | undefined
  do {
    const page = next === undefined ? request : { ...request, ExclusiveStartKey: next }
    const { Items = [], LastEvaluatedKey } = await ask(async (client) => client.send(new ScanCommand(page)))
    const found = await Promise.all(
      Items.map(async (item) => {
        const own = rowKeyIn(item[key]?.S ?? '')
        const { view, tenant, id } = rowPartsOf(own)
        const row = await rows.whole(id, own, item)
        return row === undefined ? [] : { view, tenant, row }
      }),
    )
    next = LastEvaluatedKey
    if (found.length > 0) yield found.flat()
  } while (next !== undefined)
}
