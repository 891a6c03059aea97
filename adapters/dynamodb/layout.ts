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
    /** One item per worker, and the clock that they live on. Rewritten with every heartbeat, so it has no index. */
    leases: {
      name: 'leases',
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
    /** A view's row. pk: `{generation}/row/{view}/{tenant}/{id}`; sk: `row`. */
    row: {
      table: 'views',
      shape: '1',
      attributes: {
        key: 'pk',
        version: 'version',
        /** JSON: of what is small as it is, of what is not deflated; of what is large beside it, in parts. */
        body: 'body',
        packed: 'packed',
        parts: 'parts',
        nextDue: 'nextDue',
        /** JSON: index, partition and sort of each place that the row stands in. */
        places: 'places',
      },
    },
    /** Some of the deflated body of a large row. pk: the row's; sk: `part#{parts}#{number}`. */
    part: {
      table: 'views',
      shape: '1',
      attributes: { key: 'pk', parts: 'parts', number: 'number', packed: 'packed' },
    },
    /**
     * A row's place in an index. pk: `{generation}/entry/{view}/{tenant}/{index}/{partition}/{shard}`, for what is due
     * `{generation}/due/{shard}`; sk: `#{sort}`, a NUL, and the row's id or, for what is due, key.
     */
    entry: {
      table: 'views',
      shape: '1',
      attributes: {
        partition: 'pk',
        place: 'sk',
        /** The row's when it was put here. */
        version: 'version',
        /** In an index that carries rows, the row. */
        body: 'body',
        packed: 'packed',
        nextDue: 'nextDue',
      },
    },
    /** How far a consumer has come. pk: `{generation}/checkpoint/{consumer}`; sk: `checkpoint`. */
    checkpoint: { table: 'views', shape: '1', attributes: { key: 'pk', cursor: 'cursor' } },
    /** How many rows a view has, as a sum. pk: `{generation}/count/{view}`; sk: `#{shard}`. */
    count: { table: 'views', shape: '1', attributes: { key: 'pk', shard: 'shard', rowCount: 'rowCount' } },
    /** Which set of rows serves, and which is being built. pk: `registerKey`; sk: `generations`. */
    generations: {
      table: 'views',
      shape: '1',
      attributes: {
        key: 'pk',
        turn: 'turn',
        writer: 'writer',
        newest: 'newest',
        serving: 'serving',
        shape: 'shape',
        origin: 'origin',
        former: 'former',
        building: 'building',
        buildingShape: 'buildingShape',
        builder: 'builder',
        isTidy: 'isTidy',
        isFeedLost: 'isFeedLost',
      },
    },
    /** pk: `{tenant}/{workerId}`; sk: `lease`. Short names: an ordinary lease is well below 1 KB. */
    lease: {
      table: 'leases',
      shape: '1',
      attributes: {
        worker: 'pk',
        epoch: 'epoch',
        benchIds: 'benches',
        lastSeenAt: 'seen',
        beatAt: 'beat',
        beatBeforeAt: 'beatBefore',
        expiresAt: 'expires',
        attempts: 'attempts',
        attemptsBefore: 'attemptsBefore',
        flags: 'flags',
        graces: 'graces',
        suspectedAt: 'suspected',
        markedAt: 'marked',
      },
    },
    /** The lease clock and who keeps it. pk: `clock`; sk: `clock`. */
    clock: {
      table: 'leases',
      shape: '1',
      attributes: { key: 'pk', keeper: 'keeper', turn: 'turn', reading: 'reading' },
    },
  },
  indexes: {
    /** Partitions that all rows of a kind, or of a status, would share are divided by the row's id. */
    shardCounts: {
      all_idx: 4,
      status_idx: 4,
      type_idx: 4,
      serviceability_idx: 4,
      connectivity_idx: 4,
      queued_idx: 4,
    },
    dueShardCount: 4,
    countShardCount: 4,
    /** Their entries carry the row, so that a question is one call: few rows stand there, and not for long. */
    carrying: ['claimable_idx'],
  },
} as const

/** Of the one item that says which rows serve: the only one that roles may write which write no rows. */
export const registerKey = 'generations'

/** Of a set of rows that no rebuild gives up: what is known beside history, and not folded from it. */
export const lastingGeneration = 0

export type TableKey = keyof typeof layout.tables
export type Table = (typeof layout.tables)[TableKey]

/** A table's full name, as the engine knows it. */
export const tableName = (key: TableKey, prefix: string = layout.defaultPrefix): string =>
  `${prefix}${layout.tables[key].name}`
