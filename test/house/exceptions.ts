import type { Exceptions } from './rule.ts'

/** Each with its reason. These lists only get shorter; the tests tell when an entry is no longer needed. */
export const exceptions: Exceptions = {
  notBuiltYet: [
    { room: 'infra/entry', reason: 'Lambda composition roots come with the CDK stacks' },
    { room: 'adapters/dynamodb/views.ts', reason: 'the history came first' },
    { room: 'adapters/console', reason: 'the browser console comes after the API' },
  ],
  mediumSpecific: [
    ...[
      'append',
      'database',
      'directory',
      'generations',
      'group',
      'lock',
      'read',
      'rowCache',
      'viewQuestions',
      'viewWrites',
    ].map((name) => ({
      file: `adapters/sqlite/${name}.ts`,
      reason: 'how SQLite does it: files, locks, statements, groups of one transaction',
    })),
    ...[
      'append',
      'client',
      'entities',
      'feed',
      'gate',
      'items',
      'layout',
      'outages',
      'read',
      'requests',
      'tables',
      'tail',
    ].map((name) => ({
      file: `adapters/dynamodb/${name}.ts`,
      reason: 'how DynamoDB does it: tables, items, conditions, an engine at the end of a line, pages as the feed',
    })),
    { file: 'adapters/memory/artifacts.ts', reason: 'its twin is adapters/files/artifacts.ts' },
    { file: 'adapters/memory/leases.ts', reason: 'leases are never on disk: they are restored from the views' },
    { file: 'adapters/memory/logs.ts', reason: 'its twin is adapters/files/logs.ts' },
    { file: 'adapters/memory/sorted.ts', reason: 'what an index is in memory' },
  ],
  imports: [],
  oversized: [],
}
