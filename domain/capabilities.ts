/**
 * Capabilities and the queries over them. One grammar for both:
 *
 *     capability = name | name "=" value            no blanks
 *     term       = "!" name | name | name ("=" | "!=") value | name ("<" | "<=" | ">" | ">=") decimal
 *                | name "in" "(" value {"," value} ")"            blanks (spaces, tabs) around everything are skipped
 *     name       = [A-Za-z0-9][A-Za-z0-9._/-]*      at most 63 characters; a tag or a key; case matters
 *     value      = visible ASCII without , ( ) " ' `            at most 128 characters; begins with none of = ! < >
 *     decimal    = a value of the form -?[0-9]+(.[0-9]+)?
 *
 * Values are ASCII so that two that look alike are alike. They may hold = ! < > but not begin with one, so that a
 * mistyped `a==b`, `a=>2` or `a<>b` is refused and doesn't quietly match nothing. Equality is of the text: `4` is not
 * `4.0`; only the comparisons know numbers. Every scan looks at each character once, so hostile input costs no more
 * than its length, and its length is limited.
 */
const termLengthMax = 256
const queryTermsMax = 32
const inValuesMax = 64
const capabilityNameLengthMax = 63
const capabilityValueLengthMax = 128

export type Comparison = '<' | '<=' | '>' | '>='

export type Term =
  | { kind: 'tag'; tag: string }
  | { kind: 'not-tag'; tag: string }
  | { kind: 'equal'; key: string; value: string }
  | { kind: 'unequal'; key: string; value: string }
  | { kind: 'in'; key: string; values: readonly string[] }
  | { kind: 'compare'; key: string; operator: Comparison; value: string }

/** `at`: the 0-based character at which the text fails, its length if it ends too early. The message names it too. */
interface TermFault {
  ok: false
  message: string
  at: number
}
type ParsedTerm = { ok: true; term: Term } | TermFault

/** `index`: which term of the query is at fault; `queryTermsMax` when there are too many. */
interface QueryFault {
  index: number
  at: number
  message: string
}
type ParsedQuery = { ok: true; query: Term[] } | { ok: false; faults: QueryFault[] }

/** One term. Refuses, never throws: whatever the text, the answer names the character at which it fails. */
export const parseTerm = (text: string): ParsedTerm => {
  if (text.length > termLengthMax) return tooLong('term', termLengthMax, termLengthMax)
  const start = skipBlanks(text, 0)
  return text[start] === '!' ? parseNegation(text, start) : parseAssertion(text, start)
}

/** All terms of a query and all its faults at once. No terms: a query that everything satisfies. */
export const parseQuery = (terms: readonly string[]): ParsedQuery => {
  const query: Term[] = []
  const faults: QueryFault[] = []
  for (const [index, text] of terms.slice(0, queryTermsMax).entries()) {
    const parsed = parseTerm(text)
    if (parsed.ok) query.push(parsed.term)
    else faults.push({ index, at: parsed.at, message: parsed.message })
  }
  if (terms.length > queryTermsMax) {
    const message = `a query has at most ${queryTermsMax} terms, not ${terms.length}`
    faults.push({ index: queryTermsMax, at: 0, message })
  }
  return faults.length === 0 ? { ok: true, query } : { ok: false, faults }
}

/** What is wrong with a capability, as a bench states it; undefined for nothing. */
export const capabilityFault = (text: string): string | undefined => {
  const name = readRun(text, 0, nameRun, 'a tag or a key')
  if (!name.ok) return name.message
  if (name.end === text.length) return undefined
  if (text[name.end] !== '=') return expected(`'=' or the end after '${name.text}'`, name.end).message
  const value = readRun(text, name.end + 1, valueRun, "a value after '='")
  if (!value.ok) return value.message
  return value.end === text.length ? undefined : expected(`the end after '${value.text}'`, value.end).message
}

/**
 * Whether a bench with these capabilities satisfies the term. A key may have several values: `=`, `in` and comparisons
 * hold if one of them does (one that is no decimal never does), `!=` if none is equal, so also without the key.
 * A bare name is the tag alone, never the key of a pair.
 */
export const holds = (term: Term, capabilities: readonly string[]): boolean => {
  switch (term.kind) {
    case 'tag':
      return capabilities.includes(term.tag)
    case 'not-tag':
      return !capabilities.includes(term.tag)
    case 'equal':
      return capabilities.includes(`${term.key}=${term.value}`)
    case 'unequal':
      return !capabilities.includes(`${term.key}=${term.value}`)
    case 'in':
      return term.values.some((value) => capabilities.includes(`${term.key}=${value}`))
    case 'compare':
      return capabilities.some(
        (one) => one.startsWith(`${term.key}=`) && compares(one.slice(term.key.length + 1), term),
      )
  }
}

/** The first term that does not hold, for the reason why a bench was excluded; undefined if all hold. */
export const firstFailing = (query: readonly Term[], capabilities: readonly string[]): Term | undefined =>
  query.find((term) => !holds(term, capabilities))

/** The term as one writes it. `parseTerm(printTerm(term))` is the term again, for every term that was parsed. */
export const printTerm = (term: Term): string => {
  switch (term.kind) {
    case 'tag':
      return term.tag
    case 'not-tag':
      return `!${term.tag}`
    case 'equal':
      return `${term.key}=${term.value}`
    case 'unequal':
      return `${term.key}!=${term.value}`
    case 'in':
      return printList(term.key, `(${term.values.join(',')})`)
    case 'compare':
      return `${term.key}${term.operator}${term.value}`
  }
}

/**
 * Under which index row all benches are found that can satisfy the term (and some that don't: `holds` decides), given
 * that a bench has a row for each tag, each `key=value` and each bare key. undefined for negative terms, which absence
 * satisfies and no row can list.
 */
export const indexKeyOf = (term: Term): string | undefined => {
  if (term.kind === 'tag') return term.tag
  if (term.kind === 'equal') return `${term.key}=${term.value}`
  return term.kind === 'in' || term.kind === 'compare' ? term.key : undefined
}

/** The second blank is a kindness to readers; it must not push a term that was written without it over the limit. */
const printList = (key: string, list: string): string =>
  key.length + list.length + 4 <= termLengthMax ? `${key} in ${list}` : `${key} in${list}`

const parseNegation = (text: string, bang: number): ParsedTerm => {
  const tag = readRun(text, skipBlanks(text, bang + 1), nameRun, "a tag after '!'")
  if (!tag.ok) return tag
  return faultAfter(text, tag) ?? { ok: true, term: { kind: 'not-tag', tag: tag.text } }
}

const parseAssertion = (text: string, start: number): ParsedTerm => {
  const name = readRun(text, start, nameRun, 'a tag or a key')
  if (!name.ok) return name
  const at = skipBlanks(text, name.end)
  if (at === text.length) return { ok: true, term: { kind: 'tag', tag: name.text } }
  const operator = operatorAt(text, at)
  if (operator === undefined) return expected(`=, !=, <, <=, >, >=, in or the end after '${name.text}'`, at)
  const operandAt = skipBlanks(text, at + operator.length)
  return operator === 'in' ? parseList(text, operandAt, name.text) : parsePair(text, operandAt, name.text, operator)
}

const parsePair = (text: string, start: number, key: string, operator: '=' | '!=' | Comparison): ParsedTerm => {
  const operand = readRun(text, start, valueRun, `a value after '${operator}'`)
  if (!operand.ok) return operand
  const trailing = faultAfter(text, operand)
  if (trailing !== undefined) return trailing
  const value = operand.text
  if (operator === '=') return { ok: true, term: { kind: 'equal', key, value } }
  if (operator === '!=') return { ok: true, term: { kind: 'unequal', key, value } }
  if (!decimal.test(value)) return expected(`a decimal number after '${operator}'`, start)
  return { ok: true, term: { kind: 'compare', key, operator, value } }
}

const parseList = (text: string, start: number, key: string): ParsedTerm => {
  if (text[start] !== '(') return expected("'(' after 'in'", start)
  const values: string[] = []
  let at = start
  do {
    const value = readRun(text, skipBlanks(text, at + 1), valueRun, `a value after '${text.charAt(at)}'`)
    if (!value.ok) return value
    if (values.length === inValuesMax) return tooLong('list', inValuesMax, value.end - value.text.length, 'values')
    values.push(value.text)
    at = skipBlanks(text, value.end)
  } while (text[at] === ',')
  if (text[at] !== ')') return expected(`',' or ')' after '${values.at(-1)}'`, at)
  return faultAfter(text, { text: ')', end: at + 1 }) ?? { ok: true, term: { kind: 'in', key, values } }
}

/** What is read without blanks. */
interface Run {
  noun: string
  first: RegExp
  rest: RegExp
  lengthMax: number
}
const nameRun: Run = { noun: 'name', first: /[A-Za-z0-9]/, rest: /[A-Za-z0-9._/-]/, lengthMax: capabilityNameLengthMax }
const valueRun: Run = { noun: 'value', first: /[^=!<>]/, rest: /[!#-&*+\--_a-~]/, lengthMax: capabilityValueLengthMax }
const decimal = /^(-?[0-9]{1,128})(?:\.([0-9]{1,128}))?$/
const operators = ['!=', '<=', '>=', '=', '<', '>'] as const

/** The run that begins at `start`, looking no further than one character past its longest. `end` is exclusive. */
const readRun = (text: string, start: number, run: Run, what: string) => {
  let end = start
  if (run.first.test(text.charAt(start))) {
    while (end < text.length && end - start <= run.lengthMax && run.rest.test(text.charAt(end))) end++
  }
  if (end === start) return expected(what, start)
  if (end - start > run.lengthMax) return tooLong(run.noun, run.lengthMax, end - 1)
  return { ok: true as const, text: text.slice(start, end), end }
}

const skipBlanks = (text: string, start: number): number => {
  let at = start
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

const operatorAt = (text: string, at: number): (typeof operators)[number] | 'in' | undefined =>
  text.startsWith('in', at) && !nameRun.rest.test(text.charAt(at + 2))
    ? 'in'
    : operators.find((operator) => text.startsWith(operator, at))

/** What stands after the last piece of a term, where nothing but blanks may. */
const faultAfter = (text: string, piece: { text: string; end: number }): TermFault | undefined => {
  const at = skipBlanks(text, piece.end)
  return at === text.length ? undefined : expected(`the end after '${piece.text}'`, at)
}

const expected = (what: string, at: number): TermFault => fault(`expected ${what} at character ${at}`, at)

const tooLong = (what: string, max: number, at: number, unit = 'characters'): TermFault =>
  fault(`a ${what} has at most ${max} ${unit}: too long at character ${at}`, at)

const fault = (message: string, at: number): TermFault => ({ ok: false, message, at })

const compares = (stated: string, { operator, value }: Extract<Term, { kind: 'compare' }>): boolean => {
  const order = compareDecimals(stated, value)
  if (order === 0) return operator.endsWith('=')
  return order !== undefined && operator.startsWith(order < 0 ? '<' : '>')
}

/** Exact at any length, where a float would round: both as whole numbers of the finer one's last digit. */
const compareDecimals = (a: string, b: string): -1 | 0 | 1 | undefined => {
  const [left, right] = [decimal.exec(a), decimal.exec(b)]
  if (left === null || right === null) return undefined
  const [leftPart = '', rightPart = ''] = [left[2], right[2]]
  const digits = Math.max(leftPart.length, rightPart.length)
  const [x, y] = [BigInt(left[1] + leftPart.padEnd(digits, '0')), BigInt(right[1] + rightPart.padEnd(digits, '0'))]
  return x < y ? -1 : x > y ? 1 : 0
}
