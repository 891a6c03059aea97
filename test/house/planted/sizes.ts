import { entriesAreTiny, filesAreShort, functionsAreShort } from '../sizeRules.ts'
import type { Planted } from './planted.ts'

const lines = (count: number, line = '// more'): string => `${line}\n`.repeat(count)
const ofFunction = (count: number, name = 'long'): string => `const ${name} = () => {\n${lines(count - 2)}}\n`
const listed = (allowed: number, name?: string) => ({
  oversized: [{ file: 'adapters/a.ts', lines: allowed, reason: 'a table', ...(name === undefined ? {} : { name }) }],
})

const files: readonly Planted[] = [
  {
    rule: filesAreShort,
    what: 'a file one line too long, tests included',
    files: { 'domain/a.ts': lines(251), 'test/b.test.ts': lines(251), 'adapters/c.tsx': lines(251) },
    at: ['adapters/c.tsx', 'domain/a.ts', 'test/b.test.ts'],
    says: 'has 251 lines, at most 250',
  },
  {
    rule: filesAreShort,
    what: 'a listed file that grew',
    files: { 'adapters/a.ts': lines(301) },
    exceptions: listed(300),
    at: ['adapters/a.ts'],
    says: 'make it smaller',
  },
  {
    rule: filesAreShort,
    what: 'a listed file that shrank, so that the list shrinks too',
    files: { 'adapters/a.ts': lines(299) },
    exceptions: listed(300),
    at: ['adapters/a.ts'],
    says: 'write that into exceptions.ts',
  },
  {
    rule: filesAreShort,
    what: 'a listed file that is short enough now',
    files: { 'adapters/a.ts': lines(200) },
    exceptions: listed(200),
    at: ['adapters/a.ts'],
    says: 'take the entry out',
  },
  {
    rule: filesAreShort,
    what: 'a file at the limit, a listed one at its size, and text of any length',
    files: { 'domain/b.ts': lines(250), 'adapters/a.ts': lines(300), 'docs/long.md': lines(900) },
    exceptions: listed(300),
  },
]

const registering = (inner: string): string =>
  `export const suite = (open) => {\n  describe('a store', () => {\n${inner}  })\n}\n`

const functions: readonly Planted[] = [
  {
    rule: functionsAreShort,
    what: 'a function, a method and a nameless one that are too long',
    files: {
      'domain/a.ts': ofFunction(51),
      'adapters/b.ts': `const store = {\n  append() {\n${lines(49)}  },\n}\n`,
      'adapters/c.ts': `export default () => {\n${lines(49)}}\n`,
    },
    at: ['adapters/b.ts:2', 'adapters/c.ts:1', 'domain/a.ts:1'],
    says: 'has 51 lines, at most 50',
  },
  {
    rule: functionsAreShort,
    what: 'a function that hides its length in functions inside it',
    files: { 'adapters/b.ts': `const open = () => {\n${ofFunction(30, 'a')}${ofFunction(30, 'b')}}\n` },
    at: ['adapters/b.ts:1'],
    says: 'open has 62 lines',
  },
  {
    rule: functionsAreShort,
    what: 'a single test that is too long',
    files: { 'test/a.test.ts': `describe('a', () => {\n  test('b', () => {\n${lines(49)}  })\n})\n` },
    at: ['test/a.test.ts:2'],
    says: 'has 51 lines',
  },
  {
    rule: functionsAreShort,
    what: 'a listed function that grew',
    files: { 'adapters/a.ts': ofFunction(61) },
    exceptions: listed(60, 'long'),
    at: ['adapters/a.ts:1'],
    says: 'make it smaller',
  },
  {
    rule: functionsAreShort,
    what: 'a function at the limit, a listed one, and a group of many short tests',
    files: {
      'domain/a.ts': ofFunction(50),
      'adapters/a.ts': ofFunction(60),
      'test/contract/store.ts': registering(`    test('b', () => {\n${lines(20)}    })\n`.repeat(5)),
    },
    exceptions: listed(60, 'long'),
  },
]

export const plantedSizes: readonly Planted[] = [
  ...files,
  ...functions,
  {
    rule: entriesAreTiny,
    what: 'an entry that does more than connect',
    files: { 'infra/entry/projector.ts': lines(26) },
    at: ['infra/entry/projector.ts'],
    says: 'at most 25',
  },
  {
    rule: entriesAreTiny,
    what: 'an entry of 25 lines, and longer files beside the entries',
    files: { 'infra/entry/projector.ts': lines(25), 'infra/local.ts': lines(90) },
  },
]
