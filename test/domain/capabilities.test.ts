import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Comparison, Term } from '../../domain/capabilities.ts'
import {
  capabilityFault,
  firstFailing,
  holds,
  indexKeyOf,
  parseQuery,
  parseTerm,
  printTerm,
} from '../../domain/capabilities.ts'

const termOf = (text: string): Term => {
  const parsed = parseTerm(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.term
}
const satisfies = (text: string, ...capabilities: string[]) => holds(termOf(text), capabilities)

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/)
const value = fc.stringMatching(/^[#-&*+\--;?-_a-~][!#-&*+\--_a-~]{0,127}$/)
const values = fc.array(fc.stringMatching(/^[#-&*+\--;?-_a-~][!#-&*+\--_a-~]{0,3}$/), { minLength: 1, maxLength: 30 })
const comparison = fc.constantFrom<Comparison>('<', '<=', '>', '>=')
const decimal = fc.stringMatching(/^-?[0-9]{1,30}(\.[0-9]{1,30})?$/)
const anyTerm = fc.oneof(
  name.map((tag): Term => ({ kind: 'tag', tag })),
  name.map((tag): Term => ({ kind: 'not-tag', tag })),
  fc.tuple(name, value).map(([key, text]): Term => ({ kind: 'equal', key, value: text })),
  fc.tuple(name, value).map(([key, text]): Term => ({ kind: 'unequal', key, value: text })),
  fc.tuple(name, values).map(([key, list]): Term => ({ kind: 'in', key, values: list })),
  fc
    .tuple(name, comparison, decimal)
    .map(([key, operator, text]): Term => ({ kind: 'compare', key, operator, value: text })),
)

describe('a term', () => {
  it.each<[string, Term]>([
    ['can-fd', { kind: 'tag', tag: 'can-fd' }],
    ['in', { kind: 'tag', tag: 'in' }],
    ['!flaky', { kind: 'not-tag', tag: 'flaky' }],
    ['ecu=abs-9.3', { kind: 'equal', key: 'ecu', value: 'abs-9.3' }],
    ['ecu!=x', { kind: 'unequal', key: 'ecu', value: 'x' }],
    ['hash=YQ==', { kind: 'equal', key: 'hash', value: 'YQ==' }],
    ['ecu in (abs-9.3,abs-9.4)', { kind: 'in', key: 'ecu', values: ['abs-9.3', 'abs-9.4'] }],
    ['in in(in)', { kind: 'in', key: 'in', values: ['in'] }],
    ['psu.channels>=2', { kind: 'compare', key: 'psu.channels', operator: '>=', value: '2' }],
    ['temp/min<-40.50', { kind: 'compare', key: 'temp/min', operator: '<', value: '-40.50' }],
  ])('%s is understood', (text, term) => {
    expect(parseTerm(text)).toEqual({ ok: true, term })
  })

  it.each([
    [' !  flaky ', '!flaky'],
    ['ecu =\tabs', 'ecu=abs'],
    ['  psu  >=  2 ', 'psu>=2'],
    ['ecu  in( a ,b )  ', 'ecu in (a,b)'],
  ])('%j may have blanks anywhere between its parts', (text, printed) => {
    expect(printTerm(termOf(text))).toBe(printed)
  })

  it.each([
    ['', 0, 'expected a tag or a key at character 0'],
    ['!', 1, "expected a tag after '!' at character 1"],
    ['-x', 0, 'expected a tag or a key at character 0'],
    ['!ecu=x', 4, "expected the end after 'ecu' at character 4"],
    ['ecu =', 5, "expected a value after '=' at character 5"],
    ['ecu==x', 4, "expected a value after '=' at character 4"],
    ['ecu=>2', 4, "expected a value after '=' at character 4"],
    ['ecu<>2', 4, "expected a value after '<' at character 4"],
    ["ecu='x'", 4, "expected a value after '=' at character 4"],
    ['ecu=ä', 4, "expected a value after '=' at character 4"],
    ['ecu=x y', 6, "expected the end after 'x' at character 6"],
    ['a, b', 1, "expected =, !=, <, <=, >, >=, in or the end after 'a' at character 1"],
    ['psu>=two', 5, "expected a decimal number after '>=' at character 5"],
    ['psu>=1e3', 5, "expected a decimal number after '>=' at character 5"],
    ['ecu inside', 4, "expected =, !=, <, <=, >, >=, in or the end after 'ecu' at character 4"],
    ['ecu in', 6, "expected '(' after 'in' at character 6"],
    ['ecu in ()', 8, "expected a value after '(' at character 8"],
    ['ecu in (a,)', 10, "expected a value after ',' at character 10"],
    ['ecu in (a b)', 10, "expected ',' or ')' after 'a' at character 10"],
    ['ecu in (a', 9, "expected ',' or ')' after 'a' at character 9"],
    ['ecu in (a)b', 10, "expected the end after ')' at character 10"],
    ['k'.repeat(64), 63, 'a name has at most 63 characters: too long at character 63'],
    [`k=${'v'.repeat(129)}`, 130, 'a value has at most 128 characters: too long at character 130'],
    [`k in(${'v,'.repeat(64)}v)`, 133, 'a list has at most 64 values: too long at character 133'],
    ['k'.repeat(257), 256, 'a term has at most 256 characters: too long at character 256'],
  ])('%j is refused at character %i', (text, at, message) => {
    expect(parseTerm(text)).toEqual({ ok: false, at, message })
  })

  it('is taken at its longest', () => {
    expect(parseTerm(`${'k'.repeat(63)}=${'v'.repeat(128)}`).ok).toBe(true)
    expect(parseTerm(`k in(${'v,'.repeat(63)}v)`).ok).toBe(true)
    const tight = `key in(${'vvvvvv,'.repeat(35)}vvv)`
    expect(tight).toHaveLength(256)
    expect(termOf(printTerm(termOf(tight)))).toEqual(termOf(tight))
  })

  it('is the same after printing and parsing', () => {
    fc.assert(
      fc.property(anyTerm, (term) => {
        expect(parseTerm(printTerm(term))).toEqual({ ok: true, term })
      }),
    )
  })

  it('never throws, and fails at a character it has', () => {
    const soup = fc.string({ unit: fc.constantFrom(...Array.from('aZ09._/-=!<>(), \t"\'in')), maxLength: 300 })
    const sound = (text: string) => {
      const parsed = parseTerm(text)
      return parsed.ok
        ? parsed.term.kind === termOf(printTerm(parsed.term)).kind
        : parsed.at <= text.length && parsed.message.endsWith(`at character ${parsed.at}`)
    }
    fc.assert(fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 300 })), sound), { numRuns: 2_000 })
  })

  it('of a megabyte is refused for its length, and a hostile capability for its name', () => {
    for (const text of ['a'.repeat(1e6), `a in (${'b,'.repeat(5e5)}`, ' '.repeat(1e6), '!'.repeat(1e6)]) {
      expect(parseTerm(text)).toMatchObject({ ok: false, at: 256 })
    }
    expect(capabilityFault('a'.repeat(1e6))).toContain('at most 63 characters')
    expect(capabilityFault(`a=${'0'.repeat(1e6)}`)).toContain('at most 128 characters')
  })
})

describe('a query', () => {
  it('is refused with all its faults at once', () => {
    expect(parseQuery(['can-fd', 'ecu=', '!', 'x'])).toEqual({
      ok: false,
      faults: [
        { index: 1, at: 4, message: "expected a value after '=' at character 4" },
        { index: 2, at: 1, message: "expected a tag after '!' at character 1" },
      ],
    })
  })

  it('has at most 32 terms', () => {
    expect(parseQuery(Array(32).fill('a'))).toMatchObject({ ok: true })
    const tooMany = { index: 32, at: 0, message: 'a query has at most 32 terms, not 33' }
    expect(parseQuery(Array(33).fill('a'))).toEqual({ ok: false, faults: [tooMany] })
  })

  it('names the first term that fails, and none when there are no terms', () => {
    const query = ['can-fd', '!flaky', 'psu>=2'].map(termOf)
    expect(firstFailing(query, ['can-fd', 'psu=2'])).toBeUndefined()
    expect(firstFailing(query, ['can-fd', 'flaky', 'psu=1'])).toEqual({ kind: 'not-tag', tag: 'flaky' })
    expect(firstFailing([], [])).toBeUndefined()
  })
})

describe('a term holds', () => {
  it('of a tag only for the tag itself, not for a pair with that key', () => {
    expect(satisfies('ecu', 'ecu')).toBe(true)
    expect(satisfies('ecu', 'ecu=abs')).toBe(false)
    expect(satisfies('!ecu', 'ecu=abs')).toBe(true)
    expect(satisfies('ecu', 'ECU')).toBe(false)
  })

  it('of equality for any value of the key, of inequality when no value is equal', () => {
    expect(satisfies('ecu=b', 'ecu=a', 'ecu=b')).toBe(true)
    expect(satisfies('ecu in (x,b)', 'ecu=a', 'ecu=b')).toBe(true)
    expect(satisfies('ecu in (x,y)', 'ecu=a')).toBe(false)
    expect(satisfies('ecu!=b', 'ecu=a', 'ecu=b')).toBe(false)
    expect(satisfies('ecu!=b', 'ecu=a')).toBe(true)
    expect(satisfies('ecu!=b')).toBe(true)
    expect(satisfies('n=4', 'n=4.0')).toBe(false)
  })

  it('of a comparison for any value that is a decimal number', () => {
    expect(satisfies('n>=2', 'n=1', 'n=3')).toBe(true)
    expect(satisfies('n>=2', 'n=many', 'n=0x10', 'n=1e9', 'nn=3', 'n')).toBe(false)
    expect(satisfies('n<0', 'n=-')).toBe(false)
  })

  it.each([
    ['10', '>', '9'],
    ['1.10', '=', '1.1'],
    ['0.1', '=', '0.10'],
    ['-0.0', '=', '0'],
    ['-2', '<', '-1.5'],
    ['-0.5', '<', '0.25'],
    ['007', '=', '7'],
    ['0.30000000000000000001', '>', '0.3'],
    ['99999999999999999999', '>', '99999999999999999998'],
    ['12345678901234567890.000000000000000000001', '>', '12345678901234567890'],
  ])('%s %s %s, exactly', (stated, relation, asked) => {
    const compared = ['<', '<=', '>', '>='].filter((operator) => satisfies(`n${operator}${asked}`, `n=${stated}`))
    expect(compared).toEqual(relation === '=' ? ['<=', '>='] : [relation, `${relation}=`])
  })

  it('as whole numbers of one scale compare', () => {
    const scaled = (whole: bigint) => {
      const digits = String(whole < 0n ? -whole : whole).padStart(8, '0')
      return `${whole < 0n ? '-' : ''}${digits.slice(0, -7)}.${digits.slice(-7)}`
    }
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        expect(satisfies(`n<${scaled(b)}`, `n=${scaled(a)}`)).toBe(a < b)
        expect(satisfies(`n>=${scaled(b)}`, `n=${scaled(a)}0`)).toBe(a >= b)
      }),
    )
  })

  it('only for benches that its index row lists', () => {
    const term = fc.constantFrom('a', '!a', 'a=1', 'a!=1', 'a in (1,b)', 'a<2', 'a>=10', 'b')
    const capability = fc.constantFrom('a', 'b', 'c', 'a=1', 'a=b', 'a=10', 'a=2', 'b=1', 'c=1')
    const rowsOf = (capability: string) => [capability, capability.split('=')[0]]
    fc.assert(
      fc.property(term, fc.array(capability), (text, capabilities) => {
        const row = indexKeyOf(termOf(text))
        if (row === undefined || !satisfies(text, ...capabilities)) return
        expect(capabilities.flatMap(rowsOf)).toContain(row)
      }),
      { numRuns: 1_000 },
    )
    const rows = ['t', 'k=v', 'k in (v)', 'k>1', '!t', 'k!=v'].map((text) => indexKeyOf(termOf(text)))
    expect(rows).toEqual(['t', 'k=v', 'k', 'k', undefined, undefined])
  })
})

describe('a capability', () => {
  it.each(['can-fd', 'ecu=abs-9.3', 'psu.channels=4', 'url=http://x:80/?a=b', 'in'])('%s is well-formed', (text) => {
    expect(capabilityFault(text)).toBeUndefined()
  })

  it.each([
    ['', 'expected a tag or a key at character 0'],
    ['ecu=', "expected a value after '=' at character 4"],
    ['ecu!=x', "expected '=' or the end after 'ecu' at character 3"],
    ['ecu = x', "expected '=' or the end after 'ecu' at character 3"],
    ['ecu=x ', "expected the end after 'x' at character 5"],
    ['ecu=a,b', "expected the end after 'a' at character 5"],
    [' can', 'expected a tag or a key at character 0'],
  ])('%j is not', (text, message) => {
    expect(capabilityFault(text)).toBe(message)
  })

  it('that is well-formed is a term which holds for a bench that has it', () => {
    const pair = fc.tuple(name, value).map((parts) => parts.join('='))
    fc.assert(
      fc.property(fc.oneof(name, pair), (text) => {
        expect(capabilityFault(text)).toBeUndefined()
        expect(satisfies(text, text)).toBe(true)
      }),
    )
  })
})
