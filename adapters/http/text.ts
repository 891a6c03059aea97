/** Parameters of path and query: text, read as what their schema wants. What can't be read so is left to the schema to refuse. */
import type { z } from 'zod'
import type { InputFault } from '../routes/faults.ts'

type Reading = 'number' | 'boolean' | 'list' | 'text'

/** For each member of a schema how its text is to be read. */
export const readingsOf = (schema: z.ZodObject | undefined): ReadonlyMap<string, Reading> =>
  new Map(Object.entries(schema?.shape ?? {}).map(([name, field]) => [name, readingOf(field as z.ZodType)]))

const readingOf = (field: z.ZodType): Reading => {
  const { type, innerType } = field.def as { type: string; innerType?: z.ZodType }
  if (innerType !== undefined) return readingOf(innerType)
  if (type === 'number' || type === 'boolean') return type
  return type === 'array' ? 'list' : 'text'
}

const decimal = /^-?\d{1,20}(?:\.\d{1,20})?$/

const read = (text: string, reading: Reading | undefined): unknown => {
  if (reading === 'number' && decimal.test(text)) return Number(text)
  if (reading === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

export const readParams = (
  params: Readonly<Record<string, string>>,
  readings: ReadonlyMap<string, Reading>,
): Record<string, unknown> =>
  Object.fromEntries(Object.entries(params).map(([name, text]) => [name, read(text, readings.get(name))]))

/** More parameters than this are not looked at. */
const parameterCountMax = 100

/** A query's members, lists from repeated parameters; with the faults of its form: repetitions, and what is not UTF-8. */
export const readQuery = (
  search: string,
  readings: ReadonlyMap<string, Reading>,
): { query: Record<string, unknown>; faults: readonly InputFault[] } => {
  const query = Object.create(null) as Record<string, unknown>
  const faults: InputFault[] = []
  const pairs = search === '' ? [] : search.split('&', parameterCountMax + 1)
  if (pairs.length > parameterCountMax) faults.push({ path: '', message: `at most ${parameterCountMax} parameters` })
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals))
    const value = equals < 0 ? '' : decoded(pair.slice(equals + 1))
    if (pair === '') continue
    if (name === undefined || value === undefined)
      faults.push({ path: name ?? '', message: 'not UTF-8, percent-encoded' })
    else if (readings.get(name) === 'list') query[name] = [...((query[name] as string[] | undefined) ?? []), value]
    else if (Object.hasOwn(query, name)) faults.push({ path: name, message: 'given more than once' })
    else query[name] = read(value, readings.get(name))
  }
  return { query, faults }
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
