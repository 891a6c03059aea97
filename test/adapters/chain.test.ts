import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, commitFromBody, exported, hashOfBody, sealCommit, sha256 } from '../../adapters/chain.ts'
import type { NewCommit } from '../../domain/ports.ts'
import { after, hold, independentHash } from '../contract/medium.ts'

/** Names that sort, or enumerate, unlike others: indexes, numbers that are none, what lies beyond the first plane. */
const name = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary', maxLength: 3 }).filter((text) => text.isWellFormed()),
  fc.nat(20).map(String),
  fc.constantFrom(
    '',
    '__proto__',
    'constructor',
    'toJSON',
    '00',
    '-1',
    '1e3',
    '4294967295',
    'a',
    'B',
    'b',
    '\u{1f680}',
    '\uffee',
  ),
)
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(name, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 6 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 6 }).map((members) => Object.fromEntries(members)),
  ),
})).value

describe('canonical JSON', () => {
  test('is what the canonicalize package writes, for any JSON value', () => {
    const property = fc.property(value, (any) => {
      expect(canonicalJson(any)).toBe(canonicalize(any))
    })
    fc.assert(property, { numRuns: 3_000 })
  })

  test('survives being read and written again', () => {
    const property = fc.property(value, (any) => {
      const text = canonicalJson(any)
      expect(canonicalJson(JSON.parse(text))).toBe(text)
    })
    fc.assert(property, { numRuns: 1_000 })
  })

  test('does not depend on the order in which members were written', () => {
    const property = fc.property(fc.dictionary(name, value), fc.func(fc.integer()), (object, rank) => {
      const shuffled = Object.entries(object).sort(([a], [b]) => rank(a) - rank(b))
      expect(canonicalJson(Object.fromEntries(shuffled))).toBe(canonicalJson(object))
    })
    fc.assert(property)
  })

  test.each<[string, unknown, string]>([
    [
      'RFC 8785’s own numbers',
      JSON.parse('[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]'),
      '[333333333.3333333,1e+30,4.5,0.002,1e-27]',
    ],
    ['RFC 8785’s own text', '\u20ac$\u000f\nA\'B"\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\"/"'],
    ['indexes as text', { 9: 1, 10: 2, '!': 3 }, '{"!":3,"10":2,"9":1}'],
    ['an own __proto__', JSON.parse('{"b":1,"__proto__":{"d":1,"c":2}}'), '{"__proto__":{"c":2,"d":1},"b":1}'],
    ['negative zero', { z: -0, a: [-0] }, '{"a":[0],"z":0}'],
    ['members that are undefined', { b: undefined, a: 1, 5: undefined }, '{"a":1}'],
    ['code units, not code points', { '\uffee': 1, '\u{1f680}': 2 }, '{"\u{1f680}":2,"\uffee":1}'],
    ['a backslash before ud800, which is no surrogate', '\\ud800', '"\\\\ud800"'],
    ['something empty', [{}, [], '', null, undefined], '[{},[],"",null,null]'],
    ['an object without a prototype', Object.assign(Object.create(null), { b: 1, a: 2 }), '{"a":2,"b":1}'],
  ])('knows %s', (_, given, text) => {
    expect(canonicalJson(given)).toBe(text)
  })

  test.each<[string, unknown]>([
    ['not a number', Number.NaN],
    ['infinity', { a: [Number.POSITIVE_INFINITY] }],
    ['a bigint', { a: 1n }],
    ['half a character', ['\ud83d']],
    ['half a character after a backslash', '\\\ud83d'],
    ['half a character in a name', { '\udc00': 1 }],
    ['half a character beside an index', { 1: '\udc00', 0: 1 }],
    ['a function', { a: () => 1 }],
    ['a symbol', [Symbol('s')]],
    ['a date', { 1: new Date(0) }],
    ['a map', new Map()],
    ['nothing at all', undefined],
  ])('refuses %s', (_, given) => {
    expect(() => canonicalJson(given)).toThrow('not a JSON value')
  })

  test('leaves what it is given as it is', () => {
    const given = Object.freeze({ b: Object.freeze([Object.freeze({ d: 1, c: 2 })]), a: 1 })
    expect(canonicalJson(given)).toBe('{"a":1,"b":[{"c":2,"d":1}]}')
    expect(Object.keys(given)).toEqual(['b', 'a'])
  })
})

const newCommit: fc.Arbitrary<NewCommit> = fc
  .record(
    {
      data: value,
      actor: fc.constantFrom<NewCommit['actor']>(
        { kind: 'user', id: 'a' },
        { onBehalfOf: 'b', kind: 'service', id: 'c' },
      ),
      causationId: fc.string({ unit: 'grapheme' }),
      traceparent: fc.string(),
      eventCount: fc.integer({ min: 1, max: 3 }),
    },
    { requiredKeys: ['data', 'actor', 'eventCount'] },
  )
  .map(({ data, eventCount, ...more }) =>
    after('acme/bench/rig-1', undefined, { ...more, events: Array.from({ length: eventCount }, () => hold(data)) }),
  )

describe('a sealed commit', () => {
  test('hashes its export as anybody can compute it', () => {
    const property = fc.property(newCommit, fc.array(fc.string()), (given, siblings) => {
      const { commit, body } = sealCommit(given, siblings)
      const { hash, ...unhashed } = exported(commit)
      expect(body).toBe(canonicalize(unhashed))
      expect(hash).toBe(createHash('sha256').update(body, 'utf8').digest('hex'))
      expect(hash).toBe(independentHash(commit))
    })
    fc.assert(property, { numRuns: 500 })
  })

  test('comes back from its body', () => {
    const property = fc.property(newCommit, (given) => {
      const { commit, body } = sealCommit(given, ['reservation/01KAGZ3QX0@1'])
      const back = commitFromBody(body, commit.hash)
      expect(back).toMatchObject({ stream: given.stream, version: 1, siblings: ['reservation/01KAGZ3QX0@1'] })
      expect(sealCommit(back, back.siblings).body).toBe(body)
    })
    fc.assert(property, { numRuns: 500 })
  })

  test('is exported with its stream named inside its tenant', () => {
    const { commit } = sealCommit(after('acme/reservation/01KAGZ3QX0'))
    expect(exported(commit)).toEqual({ ...commit, tenant: 'acme', stream: 'reservation/01KAGZ3QX0' })
  })

  test('keeps its ride aside', () => {
    const ride = { reducerVersion: 1, state: {} }
    const plain = sealCommit(after('acme/bench/rig-1'))
    expect(sealCommit(after('acme/bench/rig-1', undefined, { ride }))).toEqual({ ...plain, ride })
  })

  test('hashes alike for ever: this one is frozen', () => {
    const { commit } = sealCommit(after('acme/bench/rig-1', undefined, { events: [hold({ ü: 1.5, a: 'é' })] }))
    // printf '%s' "$body" | sha256sum
    expect(commit.hash).toBe('7ed992341312633ced8c900bbe5ec2325821ee281ca806bdf109669f21dee6a9')
  })
})

describe('a message', () => {
  const content = { text: 'for whom it concerns' }
  const message = (data: unknown) =>
    sealCommit({
      stream: 'acme/message/m1',
      version: 1,
      events: [{ type: 'MessageAccepted', schemaVersion: 1, data }],
      at: '2026-03-01T09:00:00.000Z',
      actor: { kind: 'user', id: 'ada' },
      commandId: 'c',
      commandHash: '0'.repeat(64),
      correlationId: 'c',
      previousHash: null,
    })
  const sealed = message({ content, sha256: sha256(canonicalJson(content)) })
  test('is exported, and hashed, without its content: who may not read it can verify it', () => {
    const { hash, ...unhashed } = exported(sealed.commit)
    expect(JSON.stringify(unhashed)).not.toContain('concerns')
    expect(hash).toBe(sha256(canonicalJson(unhashed)))
  })
  test('is stored with its content, and found whole', () => {
    expect(sealed.body).toContain('concerns')
    expect(hashOfBody(sealed.body, sealed.commit)).toBe(sealed.commit.hash)
  })
  test('with another content is not whole, though the chain does not hold the content', () => {
    const forged = sealed.body.replace('concerns', 'surprises')
    expect(hashOfBody(forged, commitFromBody(forged, sealed.commit.hash))).not.toBe(sealed.commit.hash)
    const spaced = sealed.body.replace('{', '{ ')
    expect(hashOfBody(spaced, commitFromBody(spaced, sealed.commit.hash))).not.toBe(sealed.commit.hash)
  })
})
