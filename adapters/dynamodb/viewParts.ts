import type { Engine } from './engine.ts'
import type { EntityOptions } from './entities.ts'
import { partEntity } from './viewEntities.ts'
import { partCount, unpacked } from './viewItems.ts'

/** Of what is kept of one set of rows. */
export interface RowsOptions extends EntityOptions {
  engine: Engine
  /** Which set. */
  generation: number
}

const reading = { consistent: true, ignoreOwnership: true, originalErr: true } as const
const writing = { originalErr: true, response: 'none' } as const

/**
 * The bodies of rows that don't fit into one item, beside them. They are there before a row names them, and go when it no
 * longer does.
 */
export const openParts = ({ engine, ...options }: RowsOptions) => {
  const entity = partEntity(options)
  const numbered = (name: string): readonly number[] => Array.from({ length: partCount(name) }, (_, number) => number)
  return {
    write: async (key: string, name: string, pieces: readonly Uint8Array[]): Promise<void> => {
      const items = pieces.map((packed, number) => ({ key, parts: name, number, packed }))
      await Promise.all(items.map((item) => engine.ask(async () => entity.put(item).go(writing))))
    },
    /** Undefined: one is missing. */
    read: async (key: string, name: string): Promise<{ body: unknown } | undefined> => {
      const found = await Promise.all(
        numbered(name).map((number) => engine.ask(async () => entity.get({ key, parts: name, number }).go(reading))),
      )
      const pieces = found.flatMap(({ data }) => data?.packed ?? [])
      return pieces.length < found.length ? undefined : { body: unpacked(Buffer.concat(pieces)) }
    },
    remove: async (key: string, name: string): Promise<void> => {
      const items = numbered(name).map((number) => ({ key, parts: name, number }))
      await Promise.all(items.map((item) => engine.ask(async () => entity.delete(item).go(writing))))
    },
  }
}
