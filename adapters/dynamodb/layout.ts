/**
 * What lies in DynamoDB, under which names: the one place that entities, table creation, deployment and tests read.
 * Changing a name here changes where existing data is looked for.
 */
export const layout = {
  /** In front of every table's name, unless a deployment sets another. */
  defaultPrefix: 'benchplane-',
  /** Which kind of item this is, and of which shape: on every item, and short, since it counts in every kilobyte. */
  identifiers: { entity: 'e', version: 'v' },
  tables: {
    /** One item per commit: the system of record. Written by conditional PutItem only, never updated, never deleted. */
    history: {
      name: 'history',
      hashKey: { name: 'pk', type: 'S' },
      rangeKey: { name: 'sk', type: 'N' },
      stream: 'NEW_IMAGE',
      isProtected: true,
    },
    /** What is folded from the history, and can be thrown away: the pages of the feed, and the rows of the views. */
    views: {
      name: 'views',
      hashKey: { name: 'pk', type: 'S' },
      rangeKey: { name: 'sk', type: 'S' },
      stream: undefined,
      isProtected: false,
    },
  },
  items: {
    /** pk: `{tenant}/{kind}/{id}`; sk: the version of the commit's first event. */
    commit: {
      table: 'history',
      shape: '1',
      attributes: {
        stream: 'pk',
        version: 'sk',
        /** Canonical JSON of the commit as exported, without its hash: the very text that SQLite keeps. */
        body: 'body',
        /** SHA-256, binary. */
        hash: 'hash',
        /** JSON of the riding state, now and then. */
        state: 'state',
        reducerVersion: 'reducerVersion',
      },
    },
    /** pk: `feed`; sk: `page#` and the position of its first entry, in 15 digits. Positions run 1, 2, 3 … without a hole. */
    page: {
      table: 'views',
      shape: '1',
      attributes: {
        feed: 'pk',
        first: 'first',
        /** `{stream}@{version}` of each commit. */
        entries: 'entries',
      },
    },
  },
} as const

export type TableKey = keyof typeof layout.tables
export type Table = (typeof layout.tables)[TableKey]

/** A table's full name, as the engine knows it. */
export const tableName = (key: TableKey, prefix: string = layout.defaultPrefix): string =>
  `${prefix}${layout.tables[key].name}`
