import { CustomAttributeType, Entity } from 'electrodb'
import { casing, configOf, type EntityOptions, filled } from './entities.ts'
import { layout } from './layout.ts'

const viewsKey = layout.tables.views
const leasesKey = layout.tables.leases
const binary = CustomAttributeType<Uint8Array>('any')
const service = 'benchplane'

/** A view's row, whatever its view. */
export const rowEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.row
  return new Entity(
    {
      model: { entity: 'row', version: shape, service },
      attributes: {
        key: { type: 'string', field: attributes.key, required: true },
        version: { type: 'number', field: attributes.version, required: true },
        body: { type: 'string', field: attributes.body },
        packed: { type: binary, field: attributes.packed },
        parts: { type: 'string', field: attributes.parts },
        nextDue: { type: 'string', field: attributes.nextDue },
        places: { type: 'string', field: attributes.places, required: true },
      },
      indexes: {
        byKey: {
          pk: { field: viewsKey.hashKey.name, composite: ['key'], template: filled('key'), casing },
          sk: { field: viewsKey.rangeKey.name, composite: [], template: 'row', casing },
        },
      },
    },
    configOf('row', options),
  )
}

/** Some of the body of a row that does not fit into one item. */
export const partEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.part
  return new Entity(
    {
      model: { entity: 'part', version: shape, service },
      attributes: {
        key: { type: 'string', field: attributes.key, required: true },
        parts: { type: 'string', field: attributes.parts, required: true },
        number: { type: 'number', field: attributes.number, required: true },
        packed: { type: binary, field: attributes.packed, required: true },
      },
      indexes: {
        byNumber: {
          pk: { field: viewsKey.hashKey.name, composite: ['key'], template: filled('key'), casing },
          sk: {
            field: viewsKey.rangeKey.name,
            composite: ['parts', 'number'],
            template: `part#${filled('parts')}#${filled('number')}`,
            casing,
          },
        },
      },
    },
    configOf('part', options),
  )
}

/** A row's place in an index. */
export const entryEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.entry
  return new Entity(
    {
      model: { entity: 'entry', version: shape, service },
      attributes: {
        partition: { type: 'string', field: attributes.partition, required: true },
        place: { type: 'string', field: attributes.place, required: true },
        version: { type: 'number', field: attributes.version, required: true },
        body: { type: 'string', field: attributes.body },
        packed: { type: binary, field: attributes.packed },
        nextDue: { type: 'string', field: attributes.nextDue },
      },
      indexes: {
        byPlace: {
          pk: { field: viewsKey.hashKey.name, composite: ['partition'], template: filled('partition'), casing },
          sk: { field: viewsKey.rangeKey.name, composite: ['place'], template: filled('place'), casing },
        },
      },
    },
    configOf('entry', options),
  )
}

/** How far a consumer of the feed has come. */
export const checkpointEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.checkpoint
  return new Entity(
    {
      model: { entity: 'checkpoint', version: shape, service },
      attributes: {
        key: { type: 'string', field: attributes.key, required: true },
        cursor: { type: 'string', field: attributes.cursor, required: true },
      },
      indexes: {
        byConsumer: {
          pk: { field: viewsKey.hashKey.name, composite: ['key'], template: filled('key'), casing },
          sk: { field: viewsKey.rangeKey.name, composite: [], template: 'checkpoint', casing },
        },
      },
    },
    configOf('checkpoint', options),
  )
}

/** Some of the rows of a view, counted. */
export const countEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.count
  return new Entity(
    {
      model: { entity: 'count', version: shape, service },
      attributes: {
        key: { type: 'string', field: attributes.key, required: true },
        shard: { type: 'number', field: attributes.shard, required: true },
        rowCount: { type: 'number', field: attributes.rowCount, required: true },
      },
      indexes: {
        byShard: {
          pk: { field: viewsKey.hashKey.name, composite: ['key'], template: filled('key'), casing },
          sk: { field: viewsKey.rangeKey.name, composite: ['shard'], template: `#${filled('shard')}`, casing },
        },
      },
    },
    configOf('count', options),
  )
}

/** Which set of rows serves, and which is being built. */
export const generationsEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.generations
  return new Entity(
    {
      model: { entity: 'generations', version: shape, service },
      attributes: {
        key: { type: 'string', field: attributes.key, required: true },
        turn: { type: 'number', field: attributes.turn, required: true },
        writer: { type: 'string', field: attributes.writer, required: true },
        newest: { type: 'number', field: attributes.newest, required: true },
        serving: { type: 'number', field: attributes.serving },
        shape: { type: 'string', field: attributes.shape },
        origin: { type: 'string', field: attributes.origin },
        former: { type: 'number', field: attributes.former },
        building: { type: 'number', field: attributes.building },
        buildingShape: { type: 'string', field: attributes.buildingShape },
        builder: { type: 'string', field: attributes.builder },
        isTidy: { type: 'boolean', field: attributes.isTidy, required: true },
        isFeedLost: { type: 'boolean', field: attributes.isFeedLost, required: true },
      },
      indexes: {
        byKey: {
          pk: { field: viewsKey.hashKey.name, composite: ['key'], template: filled('key'), casing },
          sk: { field: viewsKey.rangeKey.name, composite: [], template: 'generations', casing },
        },
      },
    },
    configOf('generations', options),
  )
}

/** The liveness of a worker's newest session. */
export const leaseEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.lease
  return new Entity(
    {
      model: { entity: 'lease', version: shape, service },
      attributes: {
        worker: { type: 'string', field: attributes.worker, required: true },
        epoch: { type: 'number', field: attributes.epoch, required: true },
        benchIds: { type: 'list', items: { type: 'string' }, field: attributes.benchIds, required: true },
        lastSeenAt: { type: 'string', field: attributes.lastSeenAt, required: true },
        beatAt: { type: 'string', field: attributes.beatAt },
        beatBeforeAt: { type: 'string', field: attributes.beatBeforeAt },
        expiresAt: { type: 'string', field: attributes.expiresAt, required: true },
        attempts: { type: 'string', field: attributes.attempts, required: true },
        attemptsBefore: { type: 'string', field: attributes.attemptsBefore, required: true },
        flags: { type: 'list', items: { type: 'string' }, field: attributes.flags, required: true },
        graces: { type: 'list', items: { type: 'number' }, field: attributes.graces, required: true },
        suspectedAt: { type: 'string', field: attributes.suspectedAt },
        markedAt: { type: 'string', field: attributes.markedAt },
      },
      indexes: {
        byWorker: {
          pk: { field: leasesKey.hashKey.name, composite: ['worker'], template: filled('worker'), casing },
          sk: { field: leasesKey.rangeKey.name, composite: [], template: 'lease', casing },
        },
      },
    },
    configOf('lease', options),
  )
}

/** The clock that leases live on, and who keeps it. */
export const clockEntity = (options: EntityOptions) => {
  const { attributes, shape } = layout.items.clock
  return new Entity(
    {
      model: { entity: 'clock', version: shape, service },
      attributes: {
        key: { type: 'string', field: attributes.key, required: true },
        keeper: { type: 'string', field: attributes.keeper, required: true },
        turn: { type: 'number', field: attributes.turn, required: true },
        reading: { type: 'number', field: attributes.reading, required: true },
      },
      indexes: {
        byKey: {
          pk: { field: leasesKey.hashKey.name, composite: ['key'], template: filled('key'), casing },
          sk: { field: leasesKey.rangeKey.name, composite: [], template: 'clock', casing },
        },
      },
    },
    configOf('clock', options),
  )
}
