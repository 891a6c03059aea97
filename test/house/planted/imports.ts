import {
  aggregatesStandAlone,
  customersSeeOnlyTheClient,
  domainImportsOnlyZod,
  importsRunOneWay,
  noCycles,
  onlyInfraConnects,
  storesStandAlone,
} from '../importRules.ts'
import type { Planted } from './planted.ts'

const oneWay: readonly Planted[] = [
  {
    rule: importsRunOneWay,
    what: 'an import that leads outwards, of whatever form',
    files: {
      'domain/a.ts': "import { b } from '../projections/b.ts'",
      'projections/b.ts': "\nexport { c } from '../adapters/c.ts'",
      'adapters/c.ts': "export const c = async () => await import('../infra/d.ts')",
      'adapters/e.ts': "export type D = import('../infra/d.ts').D",
    },
    at: ['adapters/c.ts:1', 'adapters/e.ts:1', 'domain/a.ts:1', 'projections/b.ts:2'],
    says: 'may import',
  },
  {
    rule: importsRunOneWay,
    what: 'product code and examples that import a test or infra',
    files: {
      'infra/local.ts': "import type { G } from '../test/given.ts'",
      'examples/farm.ts': "import '../infra/local.ts'",
      'adapters/cli/serve.ts': "import '../../infra/other.ts'",
    },
    exceptions: { imports: [{ from: 'adapters/cli/serve.ts', to: 'infra/local.ts', reason: 'another file' }] },
    at: ['adapters/cli/serve.ts:1', 'examples/farm.ts:1', 'infra/local.ts:1'],
    says: 'Ask for it as a port',
  },
  {
    rule: importsRunOneWay,
    what: 'imports that lead inwards, and one that is listed',
    files: {
      'projections/a.ts': "import { z } from 'zod'\nimport '../domain/b.ts'",
      'adapters/sqlite/c.ts': "import '../../domain/b.ts'\nimport '../../projections/a.ts'",
      'infra/d.ts': "import '../adapters/sqlite/c.ts'",
      'test/e.test.ts': "import '../infra/d.ts'",
      'adapters/cli/serve.ts': "import '../../infra/local.ts'",
      'vitest.config.ts': "import './test/setup.ts'",
    },
    exceptions: { imports: [{ from: 'adapters/cli/serve.ts', to: 'infra/local.ts', reason: 'starts it' }] },
  },
  {
    rule: domainImportsOnlyZod,
    what: 'a package or a module of Node in domain, types included',
    files: {
      'domain/a.ts':
        "import { ulid } from 'ulid'\nimport type { Hash } from 'node:crypto'\nimport { z } from 'zod/mini'",
    },
    at: ['domain/a.ts:1', 'domain/a.ts:2', 'domain/a.ts:3'],
    says: 'let the caller pass in',
  },
  {
    rule: domainImportsOnlyZod,
    what: 'zod in domain, and packages outside it',
    files: {
      'domain/a.ts': "import { z } from 'zod'\nimport './b.ts'",
      'adapters/c.ts': "import { ulid } from 'ulid'",
    },
  },
]

const media: readonly Planted[] = [
  {
    rule: customersSeeOnlyTheClient,
    what: 'a customer that goes round the client',
    files: {
      'adapters/cli/run.ts': "import '../sqlite/store.ts'\nimport { routes } from '../routes.ts'",
      'adapters/agent/loop.ts': "import { plusMs } from '../../domain/ids.ts'",
      'adapters/console/app.tsx': "import '../agent/loop.ts'",
    },
    at: ['adapters/agent/loop.ts:1', 'adapters/cli/run.ts:1', 'adapters/cli/run.ts:2', 'adapters/console/app.tsx:1'],
    says: 'go through adapters/client',
  },
  {
    rule: customersSeeOnlyTheClient,
    what: 'customers of the client, with types of the routes',
    files: {
      'adapters/cli/run.ts':
        "import { connect } from '../client/connect.ts'\nimport type { Bench } from '../routes.ts'\nimport './table.ts'",
      'adapters/cli/agent.ts': "import { start } from '../agent/loop.ts'\nimport pico from 'picocolors'",
      'adapters/http/app.ts': "import { routes } from '../routes.ts'",
    },
  },
  {
    rule: storesStandAlone,
    what: 'a store that leans on another or knows what commits mean',
    files: {
      'adapters/memory/eventStore.ts': "import '../sqlite/rows.ts'",
      'adapters/sqlite/eventStore.ts':
        "import '../../domain/registry.ts'\nimport '../../domain/bench/decide.ts'\nimport '../../domain/decisions/claim.ts'",
    },
    at: [
      'adapters/memory/eventStore.ts:1',
      'adapters/sqlite/eventStore.ts:1',
      'adapters/sqlite/eventStore.ts:2',
      'adapters/sqlite/eventStore.ts:3',
    ],
    says: '',
  },
  {
    rule: storesStandAlone,
    what: 'a store of ports and what lies right under adapters/',
    files: {
      'adapters/sqlite/eventStore.ts': "import '../../domain/ports.ts'\nimport '../seal.ts'\nimport './schema.ts'",
    },
  },
  {
    rule: onlyInfraConnects,
    what: 'http that opens its own store',
    files: { 'adapters/http/app.ts': "import { open } from '../sqlite/eventStore.ts'" },
    at: ['adapters/http/app.ts:1'],
    says: 'take the port as a parameter',
  },
  {
    rule: onlyInfraConnects,
    what: 'infra that opens it, http that is given it',
    files: {
      'adapters/http/app.ts': "import type { EventStore } from '../../domain/ports.ts'\nimport '../routes/benches.ts'",
      'infra/local.ts': "import { open } from '../adapters/sqlite/eventStore.ts'",
    },
  },
]

const inside: readonly Planted[] = [
  {
    rule: aggregatesStandAlone,
    what: "an aggregate that looks into another's state, or at a decision",
    files: {
      'domain/reservation/decide.ts':
        "import type { BenchState } from '../bench/state.ts'\nimport '../bench/decide.ts'",
      'domain/execution/state.ts': "import '../decisions/claim.ts'",
    },
    at: ['domain/execution/state.ts:1', 'domain/reservation/decide.ts:1', 'domain/reservation/decide.ts:2'],
    says: 'decisions',
  },
  {
    rule: aggregatesStandAlone,
    what: 'a decision over two aggregates, and an aggregate that reads events of another',
    files: {
      'domain/decisions/claim.ts': "import '../bench/decide.ts'\nimport '../execution/state.ts'",
      'domain/reservation/decide.ts': "import type { HeldWindow } from '../bench/events.ts'\nimport './state.ts'",
      'domain/registry.ts': "import './bench/decide.ts'",
    },
  },
  {
    rule: noCycles,
    what: 'files that import each other, if only for a type',
    files: {
      'domain/a.ts': "import './b.ts'",
      'domain/b.ts': "import './c.ts'",
      'domain/c.ts': "import type { A } from './a.ts'",
    },
    at: ['domain/a.ts'],
    says: 'domain/a.ts → domain/b.ts → domain/c.ts → domain/a.ts',
  },
  {
    rule: noCycles,
    what: 'two ways to the same file',
    files: { 'domain/a.ts': "import './b.ts'\nimport './c.ts'", 'domain/b.ts': "import './c.ts'", 'domain/c.ts': '' },
  },
]

export const plantedImports: readonly Planted[] = [...oneWay, ...media, ...inside]
