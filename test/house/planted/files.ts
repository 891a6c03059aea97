import { linksLead, noBarrels, noBlanketDisables, noUtils, readmeOpens } from '../fileRules.ts'
import { everyTestRuns, namesAreFacts } from '../testRules.ts'
import type { Planted } from './planted.ts'

const steps = ['command', 'decide', 'append', 'stream', 'project', 'publish']
const opening = steps.map((step) => `[${step}](domain/handle.ts)`).join(' → ')

const code: readonly Planted[] = [
  {
    rule: noBarrels,
    what: 'a file that only re-exports, whatever its name',
    files: {
      'domain/index.ts': "export * from './a.ts'",
      'domain/all.ts': "import './x.ts'\nexport { a } from './a.ts'",
    },
    at: ['domain/all.ts', 'domain/index.ts'],
    says: 'import from where the thing is',
  },
  {
    rule: noBarrels,
    what: 'files that add something, that only import, and empty ones',
    files: {
      'domain/registry.ts': "import { a } from './a.ts'\nexport const all = [a]",
      'infra/main.ts': "import './local.ts'",
      'domain/empty.ts': '',
    },
  },
  {
    rule: noUtils,
    what: 'a file or a folder without a subject',
    files: { 'domain/utils.ts': '', 'adapters/http/helpers/body.ts': '', 'test/common.ts': '' },
    at: ['adapters/http/helpers/body.ts', 'domain/utils.ts', 'test/common.ts'],
    says: 'what its functions are about',
  },
  {
    rule: noUtils,
    what: 'names that only contain such a word',
    files: { 'adapters/http/utilisation.ts': '', 'domain/library.ts': '' },
  },
  {
    rule: noBlanketDisables,
    what: 'checks that are off for a file, or for a line without a reason',
    files: {
      'domain/a.ts': '/* oxlint-disable no-console */\n// @ts-nocheck\n// eslint-disable',
      'domain/b.ts': 'f() // oxlint-disable-line no-console\n// oxlint-disable-next-line eqeqeq\nf()',
      'domain/c.ts': '  // biome-ignore-all format: wide',
    },
    at: ['domain/a.ts:1', 'domain/a.ts:2', 'domain/a.ts:3', 'domain/b.ts:1', 'domain/b.ts:2', 'domain/c.ts:1'],
    says: 'switches a check off',
  },
  {
    rule: noBlanketDisables,
    what: 'a check that is off for one line, with the reason, and the words in a text',
    files: {
      'domain/a.ts': '// oxlint-disable-next-line eqeqeq -- null and undefined alike\nf()',
      'test/b.ts': "const text = '/* oxlint-disable */'",
    },
  },
]

const documents: readonly Planted[] = [
  {
    rule: readmeOpens,
    what: 'a README without the line, or with a step that leads nowhere',
    files: { 'README.md': `# Benchplane\n\n${opening.replace('[stream](domain/handle.ts)', 'stream')}\n` },
    at: ['README.md'],
    says: 'each step a link',
  },
  {
    rule: readmeOpens,
    what: 'a README that opens with linked steps, marked as code or not',
    files: { 'README.md': `# Benchplane\n\n${opening.replace('[decide]', '[`decide`]')}\n` },
  },
  {
    rule: linksLead,
    what: 'links to what is not there, from the page on',
    files: { 'docs/a.md': '[b](b.md) [c](../domain/c.ts#L1) [up](../README.md)', 'README.md': '[docs](docs/)' },
    at: ['docs/a.md', 'docs/a.md'],
    says: 'which is not there',
  },
  {
    rule: linksLead,
    what: 'links to files, folders, sections and the web',
    files: {
      'docs/a.md': '[up](../README.md#start) [web](https://example.com) [top](#a)',
      'README.md': '[docs](docs/)',
    },
  },
]

const tests: readonly Planted[] = [
  {
    rule: everyTestRuns,
    what: 'tests that are left out, alone or for later',
    files: {
      'test/a.test.ts':
        "test.skip('a', f)\ndescribe.only('b', f)\nit.todo('c')\ntest.concurrent.skipIf(windows)('d', f)\ntest.skip.each([1])('e', f)",
    },
    at: ['test/a.test.ts:1', 'test/a.test.ts:2', 'test/a.test.ts:3', 'test/a.test.ts:4', 'test/a.test.ts:5'],
    says: 'mend it',
  },
  {
    rule: everyTestRuns,
    what: 'tests that run, and members of that name on other things',
    files: {
      'test/a.test.ts': "test('a', f)\ntest.each([1])('b', f)\nlist.skip(2)\nconst text = 'it.only(1)'",
      'domain/b.ts': 'page.skip(1)',
    },
  },
  {
    rule: namesAreFacts,
    what: 'tests named by what should be',
    files: { 'test/a.test.ts': "test('should refuse', f)\ndescribe.each([1])(`it Should %s`, f)" },
    at: ['test/a.test.ts:1', 'test/a.test.ts:2'],
    says: 'say what happens',
  },
  {
    rule: namesAreFacts,
    what: 'tests named by facts, whatever their inside says',
    files: {
      'test/a.test.ts': "test('refuses an overlap', () => 'should')\nbeforeEach(() => 'should')\ntest(title, f)",
    },
  },
]

export const plantedFiles: readonly Planted[] = [...code, ...documents, ...tests]
