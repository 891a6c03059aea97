import { statusCodesInOnePlace, storesExportTheSame, storesMirror, storesSatisfyTheirPort } from '../adapterRules.ts'
import type { Planted } from './planted.ts'

const store =
  "import type { EventStore } from '../../domain/ports.ts'\nexport const open = () => ({}) satisfies EventStore"
const schema = [{ file: 'adapters/sqlite/schema.ts', reason: 'tables are made with SQL' }]

export const plantedAdapters: readonly Planted[] = [
  {
    rule: storesMirror,
    what: 'a file that only one store has',
    files: {
      'adapters/memory/leases.ts': store,
      'adapters/sqlite/eventStore.ts': store,
      'adapters/memory/eventStore.ts': store,
    },
    at: ['adapters/sqlite/leases.ts'],
    says: 'is missing',
  },
  {
    rule: storesMirror,
    what: 'a third store that lacks what the others have',
    files: { 'adapters/memory/a/x.ts': store, 'adapters/sqlite/a/x.ts': store, 'adapters/dynamodb/y.ts': store },
    exceptions: { mediumSpecific: [{ file: 'adapters/dynamodb/y.ts', reason: 'keys' }] },
    at: ['adapters/dynamodb/a/x.ts'],
    says: 'is missing',
  },
  {
    rule: storesMirror,
    what: 'the same files, and one that is listed',
    files: {
      'adapters/memory/eventStore.ts': store,
      'adapters/sqlite/eventStore.ts': store,
      'adapters/sqlite/schema.ts': '',
    },
    exceptions: { mediumSpecific: schema },
  },
  {
    rule: storesExportTheSame,
    what: 'a function, a type or an alias that its mirror lacks',
    files: {
      'adapters/memory/eventStore.ts': 'export const open = 1\nconst a = 2\nexport { a as limit }',
      'adapters/sqlite/eventStore.ts': 'export function open() {}\nexport interface Options {}',
    },
    at: ['adapters/memory/eventStore.ts', 'adapters/sqlite/eventStore.ts'],
    says: 'does not export',
  },
  {
    rule: storesExportTheSame,
    what: 'the same names, declared in other ways, with other private ones',
    files: {
      'adapters/memory/eventStore.ts': 'const rows = 1\nexport const open = () => rows\nexport type Options = {}',
      'adapters/sqlite/eventStore.ts': 'export function open() {}\nexport interface Options {}',
      'adapters/sqlite/schema.ts': 'export const tables = 1',
    },
    exceptions: { mediumSpecific: schema },
  },
  {
    rule: storesSatisfyTheirPort,
    what: 'a store that is held to nothing, or to a type of its own',
    files: {
      'adapters/memory/eventStore.ts': 'export const open = () => ({})',
      'adapters/sqlite/eventStore.ts': 'interface EventStore {}\nexport const open = () => ({}) satisfies EventStore',
    },
    at: ['adapters/memory/eventStore.ts', 'adapters/sqlite/eventStore.ts'],
    says: 'nothing in it `satisfies`',
  },
  {
    rule: storesSatisfyTheirPort,
    what: 'a store that satisfies its port, as a value or as a function that opens it',
    files: {
      'adapters/memory/eventStore.ts': store,
      'adapters/sqlite/eventStore.ts': store
        .replace('EventStore\n', 'EventStore\n')
        .replace('satisfies EventStore', 'satisfies Promise<EventStore>'),
      'adapters/sqlite/schema.ts': '',
    },
    exceptions: { mediumSpecific: schema },
  },
  {
    rule: statusCodesInOnePlace,
    what: 'a status given, compared or told apart elsewhere',
    files: {
      'adapters/http/app.ts': 'refuse(c, 409)\nconst notFound = 404\nconst a = { status: 500 }',
      'adapters/client/call.ts': 'if (response.status === 429) retry()\nswitch (status) {\n  case 503:\n    retry()\n}',
      'domain/bench/decide.ts': 'const rejection = { status: 409 }',
      'infra/proxy.ts': 'c.json({}, 502)',
    },
    at: [
      'adapters/client/call.ts:1',
      'adapters/client/call.ts:3',
      'adapters/http/app.ts:1',
      'adapters/http/app.ts:2',
      'adapters/http/app.ts:3',
      'domain/bench/decide.ts:1',
      'infra/proxy.ts:1',
    ],
    says: 'name the problem',
  },
  {
    rule: statusCodesInOnePlace,
    what: 'statuses where they belong, and numbers that are quantities',
    files: {
      'adapters/http/problems.ts': 'export const statuses = { conflict: 409 }',
      'adapters/routes.ts': 'export const answers = { 404: problem, status: 409 }',
      'adapters/routes/benches.ts': 'export const answers = { status: 404 }',
      'adapters/http/lists.ts':
        'const limitMax = 500\nz.int().max(500)\nconst a = { retryAfterMs: 500 }\nreply(c, 201)',
      'domain/fields.ts': 'z.int().max(500)\nconst rows = 450',
    },
  },
]
