import { adrsHaveOneForm, nothingPrivate } from '../documentRules.ts'
import { exceptionsAreNeeded } from '../exceptionRules.ts'
import { exactVersions, fewScripts, lockIsComplete } from '../packageRules.ts'
import type { Planted } from './planted.ts'

const adr =
  '# One item per commit\n\nDate: 2026-11-20\nStatus: accepted\n\n## Context\n\nA\n\n## Decision\n\nB\n\n## Consequences\n\nC\n'
const asHeadings = adr.replace('Date: ', '## Date\n\n').replace('Status: ', '\n## Status\n\n')

const adrs: readonly Planted[] = [
  {
    rule: adrsHaveOneForm,
    what: 'ADRs that lack a part, have them in another order, or talk too long',
    files: {
      'ADRs/0001-a.md': adr.replace('## Decision\n\nB\n', ''),
      'ADRs/0002-b.md': adr.replace('2026-11-20', 'yesterday'),
      'ADRs/0003-c.md': adr
        .replace('## Context', '## X')
        .replace('## Decision', '## Context')
        .replace('## X', '## Decision'),
      'ADRs/0004-d.md': adr + 'word '.repeat(250),
    },
    at: ['ADRs/0001-a.md', 'ADRs/0002-b.md', 'ADRs/0003-c.md', 'ADRs/0004-d.md'],
    says: 'has',
  },
  {
    rule: adrsHaveOneForm,
    what: 'ADRs without a number or a name, or with a number that is taken',
    files: { 'ADRs/0001-a.md': adr, 'ADRs/0001-b.md': adr, 'ADRs/notes.md': adr },
    at: ['ADRs/0001-b.md', 'ADRs/notes.md'],
    says: ' ',
  },
  {
    rule: adrsHaveOneForm,
    what: 'ADRs in the form, with lines or headings',
    files: { 'ADRs/0001-one-item-per-commit.md': adr, 'ADRs/0002-b.md': asHeadings, 'docs/any.md': 'any' },
  },
]

/** In pieces, so that this file keeps the rule that it proves. */
const slashed = (...parts: readonly string[]): string => ['', ...parts].join('/')
const dotted = (...parts: readonly (string | number)[]): string => parts.join('.')

const privacy: readonly Planted[] = [
  {
    rule: nothingPrivate,
    what: 'a path of somebody’s machine, a private address and a private host',
    files: {
      'docs/a.md': `Start it in ${slashed('home', 'ada')}/bench\nor in \`${slashed('Users', 'ada')}\``,
      '.ci/run': `curl http://${dotted(10, 1, 2, 3)}:4180\ncurl https://${dotted('ci', 'farm', 'corp')}/x`,
    },
    at: ['.ci/run:1', '.ci/run:2', 'docs/a.md:1', 'docs/a.md:2'],
    says: 'use localhost',
  },
  {
    rule: nothingPrivate,
    what: 'packages locked to a registry of somebody’s own, told once',
    files: {
      'package-lock.json':
        '{"resolved": "https://mirror.example.com/a.tgz"}{"resolved": "https://mirror.example.com/b.tgz"}',
    },
    at: ['package-lock.json'],
    says: 'fetched from',
  },
  {
    rule: nothingPrivate,
    what: 'places that are everybody’s',
    files: {
      'docs/a.md':
        'http://localhost:4180, http://127.0.0.1:4180/v1/home/page, ~/work/bench, https://example.com, 10.3.0, /v1/workers',
      'infra/network.ts': "const cidr = '10.0.0.0/16'",
      'package-lock.json': '{ "version": "4.6.7" }',
    },
  },
]

const scripts = (count: number): string =>
  JSON.stringify({ scripts: Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, 'true'])) })

const packages: readonly Planted[] = [
  {
    rule: fewScripts,
    what: 'a thirteenth script',
    files: { 'package.json': scripts(13) },
    at: ['package.json'],
    says: 'has 13 scripts',
  },
  { rule: fewScripts, what: 'twelve scripts', files: { 'package.json': scripts(12) } },
  {
    rule: exactVersions,
    what: 'ranges, tags and places instead of a version',
    files: { 'package.json': '{"dependencies":{"a":"^1.2.3","b":"latest"},"devDependencies":{"c":"github:c/c"}}' },
    at: ['package.json', 'package.json', 'package.json'],
    says: 'not one version',
  },
  {
    rule: exactVersions,
    what: 'exact versions',
    files: { 'package.json': '{"dependencies":{"a":"1.2.3"},"devDependencies":{"b":"1.0.0-rc.1"}}' },
  },
]

/** Of a formatter with a binary for each of these, and entries for the nested one and some others. */
const lockOf = (wanted: readonly string[], locked: readonly string[]): string =>
  JSON.stringify({
    packages: {
      '': {},
      'node_modules/a/node_modules/format': {
        optionalDependencies: Object.fromEntries(wanted.map((name) => [name, '1.0.0'])),
      },
      ...Object.fromEntries(locked.map((path) => [path, { version: '1.0.0', optional: true }])),
    },
  })

const locks: readonly Planted[] = [
  {
    rule: lockIsComplete,
    what: 'a lockfile with the binary of one platform only',
    files: { 'package-lock.json': lockOf(['@f/linux-x64', '@f/darwin-arm64'], ['node_modules/@f/linux-x64']) },
    at: ['package-lock.json'],
    says: 'lacks @f/darwin-arm64, wanted by node_modules/a/node_modules/format',
  },
  {
    rule: lockIsComplete,
    what: 'entries beside, within and above the package that wants them',
    files: {
      'package-lock.json': lockOf(
        ['@f/x', '@f/y', '@f/z'],
        [
          'node_modules/@f/x',
          'node_modules/a/node_modules/@f/y',
          'node_modules/a/node_modules/format/node_modules/@f/z',
        ],
      ),
    },
  },
]

const listed: readonly Planted[] = [
  {
    rule: exceptionsAreNeeded,
    what: 'exceptions for what is built, gone or mended',
    files: { 'adapters/dynamodb/eventStore.ts': '', 'adapters/a.ts': "import './b.ts'" },
    exceptions: {
      notBuiltYet: [{ room: 'adapters/dynamodb', reason: 'later' }],
      mediumSpecific: [{ file: 'adapters/sqlite/schema.ts', reason: 'SQL' }],
      imports: [{ from: 'adapters/a.ts', to: 'infra/local.ts', reason: 'starts it' }],
      oversized: [
        { file: 'adapters/c.ts', lines: 300, reason: 'a table' },
        { file: 'adapters/a.ts', name: 'long', lines: 60, reason: 'a table' },
      ],
    },
    at: Array.from({ length: 5 }, () => 'test/house/exceptions.ts'),
    says: 'take the entry out',
  },
  {
    rule: exceptionsAreNeeded,
    what: 'exceptions that are used',
    files: { 'adapters/sqlite/schema.ts': 'const long = () => 1', 'adapters/a.ts': "import '../infra/local.ts'" },
    exceptions: {
      notBuiltYet: [{ room: 'adapters/dynamodb', reason: 'later' }],
      mediumSpecific: [{ file: 'adapters/sqlite/schema.ts', reason: 'SQL' }],
      imports: [{ from: 'adapters/a.ts', to: 'infra/local.ts', reason: 'starts it' }],
      oversized: [{ file: 'adapters/sqlite/schema.ts', name: 'long', lines: 60, reason: 'a table' }],
    },
  },
]

export const plantedDocuments: readonly Planted[] = [...adrs, ...privacy, ...packages, ...locks, ...listed]
