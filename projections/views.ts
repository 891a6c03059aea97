import type { StreamKind } from '../domain/ids.ts'
import { kinds } from '../domain/registry.ts'
import { benches } from './benches.ts'
import { executions } from './executions.ts'
import { reservations } from './reservations.ts'
import type { View } from './view.ts'
import { workers } from './workers.ts'

/** All views. Messages have none: they are read from history, by id. */
export const views: readonly View<unknown>[] = [benches, reservations, executions, workers]

export const viewsOf = (kind: StreamKind): readonly View<unknown>[] => views.filter((view) => view.kind === kind)

/** Of all views, those of derived rows among them. */
export const viewNames: readonly string[] = views.flatMap(({ name, split }) =>
  split === undefined ? [name] : [name, split.view],
)

/** Goes up whenever a view gives other rows or entries for the same events. */
const ownShape = 2

/** What the rows are written by: rows of another shape are thrown away and built anew from history. */
export const viewsShape: string = [
  ownShape,
  ...views.map(({ kind }) => (kind === 'tenant' ? 0 : kinds[kind].reducerVersion)),
].join('.')
