import {
  aggregatesHaveFourFiles,
  commandsHaveLimits,
  commandsHoldNoFunctions,
  evolveNamesEveryEvent,
  evolveNeverThrows,
  noClasses,
  noClock,
} from '../domainRules.ts'
import type { Planted } from './planted.ts'

const purity: readonly Planted[] = [
  {
    rule: noClasses,
    what: 'a class, declared or as a value',
    files: { 'domain/bench/state.ts': 'export class Bench {}\nexport const B = class {}' },
    at: ['domain/bench/state.ts:1', 'domain/bench/state.ts:2'],
    says: 'use a type and functions',
  },
  {
    rule: noClasses,
    what: 'a class outside domain, the word inside it',
    files: { 'adapters/a.ts': 'export class Pool {}', 'domain/a.ts': "// no class\nexport const word = 'class'" },
  },
  {
    rule: noClock,
    what: 'the clock, in all its forms',
    files: {
      'domain/a.ts': 'const a = Date.now()\nconst b = new Date()\nconst c = Date()\nconst d = performance.now()',
    },
    at: ['domain/a.ts:1', 'domain/a.ts:2', 'domain/a.ts:3', 'domain/a.ts:4'],
    says: "the command's `at`",
  },
  {
    rule: noClock,
    what: 'randomness, the environment and I/O, passed on too',
    files: {
      'domain/a.ts': 'f(Math.random)\nf(process.env)\nf(crypto.randomUUID())\nconst all = { fetch, log: console }',
    },
    at: ['domain/a.ts:1', 'domain/a.ts:2', 'domain/a.ts:3', 'domain/a.ts:4', 'domain/a.ts:4'],
    says: 'out of reach here',
  },
  {
    rule: noClock,
    what: 'dates made of instants, members and parameters that share a name',
    files: {
      'domain/a.ts':
        'const a = new Date(at)\nconst b = Date.parse(at)\nconst c = it.process\nconst d = { process: 1 }\nconst e: Date = a',
      'adapters/b.ts': 'const now = Date.now()',
    },
  },
]

const folds: readonly Planted[] = [
  {
    rule: evolveNamesEveryEvent,
    what: 'a default in evolve, wherever it stands',
    files: {
      'domain/bench/state.ts': 'const evolve = (s, e) => {\n  switch (e.type) {\n    default:\n      return s\n  }\n}',
      'domain/tasks.ts': 'function evolveTask(s, e) {\n  switch (e.type) { default: return s }\n}',
    },
    at: ['domain/bench/state.ts:3', 'domain/tasks.ts:2'],
    says: 'name the events that change nothing',
  },
  {
    rule: evolveNamesEveryEvent,
    what: 'a switch over all cases, and a default where a rule is decided',
    files: {
      'domain/bench/state.ts': "const evolve = (s, e) => {\n  switch (e.type) {\n    case 'A':\n      return s\n  }\n}",
      'domain/bench/decide.ts': 'const f = (x) => {\n  switch (x) { default: return 1 }\n}',
    },
  },
  {
    rule: evolveNeverThrows,
    what: 'a throw inside evolve',
    files: {
      'domain/bench/state.ts': "export const evolve = (s, e) => {\n  if (!s) throw new Error('hole')\n  return s\n}",
    },
    at: ['domain/bench/state.ts:2'],
    says: 'rules belong in decide',
  },
  {
    rule: evolveNeverThrows,
    what: 'a throw at a bug of the caller elsewhere',
    files: { 'domain/ids.ts': "export const partsOf = (name) => {\n  throw new Error('no name')\n}" },
  },
]

const aggregate = (name: string, files: readonly string[]): Record<string, string> =>
  Object.fromEntries(files.map((file) => [`domain/${name}/${file}`, 'export {}']))

const shape: readonly Planted[] = [
  {
    rule: aggregatesHaveFourFiles,
    what: 'an aggregate without its decisions, and a folder that is none',
    files: {
      ...aggregate('bench', ['commands.ts', 'events.ts', 'state.ts']),
      ...aggregate('shared', ['commands.ts', 'events.ts', 'state.ts']),
    },
    at: ['domain/bench/decide.ts', 'domain/shared/decide.ts'],
    says: 'is missing',
  },
  {
    rule: aggregatesHaveFourFiles,
    what: 'an aggregate with one more file, decisions and policies',
    files: {
      ...aggregate('bench', ['commands.ts', 'events.ts', 'state.ts', 'decide.ts', 'calendar.ts']),
      'domain/decisions/claim.ts': '',
      'domain/policies/release.ts': '',
      'domain/ids.ts': '',
    },
  },
  {
    rule: commandsHaveLimits,
    what: 'a string, a number, a list and a map without a limit',
    files: {
      'domain/bench/commands.ts':
        'z.strictObject({\n  a: z.string().min(1),\n  b: z.array(name),\n  c: z.number().optional(),\n})',
      'domain/fields.ts': 'export const labels = z.record(a, b)',
    },
    at: [
      'domain/bench/commands.ts:2',
      'domain/bench/commands.ts:3',
      'domain/bench/commands.ts:4',
      'domain/fields.ts:1',
    ],
    says: 'without a limit',
  },
  {
    rule: commandsHaveLimits,
    what: 'fields with a limit of some form',
    files: {
      'domain/bench/commands.ts':
        'z.strictObject({ a: z.string().min(1).max(9).optional(), b: z.array(x).max(3), c: z.boolean() })',
      'domain/fields.ts': 'z.string().regex(/^a$/)\nz.record(a, b).refine(few)\nz.int().min(1).max(2).default(1)',
    },
  },
  {
    rule: commandsHoldNoFunctions,
    what: 'a function among the commands',
    files: { 'domain/bench/commands.ts': 'export const parse = (input) => input\nexport function check() {}' },
    at: ['domain/bench/commands.ts:1', 'domain/bench/commands.ts:2'],
    says: 'move it',
  },
  {
    rule: commandsHoldNoFunctions,
    what: 'a refinement within a schema, a function elsewhere',
    files: {
      'domain/bench/commands.ts':
        'export const A = z.string().refine((text) => {\n  const f = () => text\n  return f()\n})',
      'domain/bench/decide.ts': 'const f = () => 1',
    },
  },
]

export const plantedDomain: readonly Planted[] = [...purity, ...folds, ...shape]
