import { exit, exits } from './exits.ts'

/** What to book, from operands and options. */
export type Wanted = { benchId: string } | { query: string[]; type?: string }

/** One more bench, from --bench or --query, in the order of the command line. */
export type More = { benchId: string } | { terms: string }

const slug = /^[a-z0-9][a-z0-9._-]{0,62}$/

/**
 * One operand that could be the id of a bench is one; else all operands together are the terms of one query. Each --bench
 * and each --query (its terms separated by commas) is one more bench: several are a gang. --type is of every query.
 */
export const wantedOf = (operands: readonly string[], more: readonly More[], type?: string): Wanted[] => {
  const [first = ''] = operands
  const queryFor = (terms: string[]): Wanted => (type === undefined ? { query: terms } : { query: terms, type })
  const isId = operands.length === 1 && slug.test(first) && type === undefined
  const fromOperands = operands.length === 0 ? [] : [isId ? { benchId: first } : queryFor([...operands])]
  const wanted = [...fromOperands, ...more.map((one) => ('terms' in one ? queryFor(termsOf(one.terms)) : one))]
  if (wanted.length === 0) throw exit(exits.usage, 'name a bench, or terms that it must satisfy: see reserve --help')
  return wanted
}

/** `can-fd, ecu in (a,b)` as its two terms: a comma in parentheses separates nothing. */
export const termsOf = (text: string): string[] => text.split(/,(?![^(]*\))/).map((term) => term.trim())
