import { setTimeout as wait } from 'node:timers/promises'
import { connect } from '../../../adapters/dynamodb/client.ts'
import { openHistory } from '../../../adapters/dynamodb/history.ts'
import { createTables } from '../../../adapters/dynamodb/tables.ts'
import { createHandle } from '../../../domain/handle.ts'
import { advance, fold, type Head, headFrom, noStream, rideOf } from '../../../domain/head.ts'
import type { EventStore, NewCommit } from '../../../domain/ports.ts'
import type { Intent } from '../../../domain/round.ts'
import { openHeadCache } from '../../../infra/headCache.ts'
import { anybody } from '../../adapters/dynamodbLocal.ts'
import { digest } from '../house.ts'
import { type Bench, type Command, decide, metadataOf } from './commands.ts'
import type { Peer, Writer } from './peer.ts'

const [wholePrefix, portPrefix] = ['ours-', 'ours-port-']
const connectTo = (endpoint: string) => connect({ endpoint, ...anybody })
const streamOf = (command: Command): string => `default/bench/${command.benchId}`

/** The whole write path, as the server has it: contract, decider, idempotency, hash chain, riding states, cache. */
export const ours: Peer = {
  name: 'ours, the whole write path',
  cannot: ['five'],
  createTables: async (client) => void (await createTables(client, wholePrefix)),
  connect: connectTo,
  open: (client) => {
    const store = openHistory({ client, tablePrefix: wholePrefix })
    const openHandle = () =>
      createHandle({
        store,
        cache: openHeadCache(),
        digest,
        backoff: (attempt) => wait(Math.random() * Math.min(2 ** attempt, 32)),
        candidates: async () => ({ benchIds: [], excluded: {} }),
      })
    let handle = openHandle()
    return {
      handle: async (command) => {
        const outcome = await handle(intentOf(command))
        if (outcome.kind !== 'done' || outcome.replayed) throw new Error(JSON.stringify(outcome))
      },
      forget: () => {
        handle = openHandle()
      },
    }
  },
}

const intentOf = (command: Command): Intent => {
  const { benchId, type, descriptions } = command
  const [description] = descriptions
  const data = type === 'RegisterBench' ? { benchId, ...description } : description
  return { tenant: 'default', kind: 'bench', id: benchId, type, data, ...metadataOf(command) }
}

/**
 * The store's port alone, with events of the peers' decision: as many in one command as are wanted. States are cached, ride
 * and are learned from winners as on the write path.
 */
export const ourPort: Peer = {
  name: 'ours, the EventStore port',
  createTables: async (client) => void (await createTables(client, portPrefix)),
  connect: connectTo,
  open: (client) => openPort(openHistory({ client, tablePrefix: portPrefix })),
}

const openPort = (store: EventStore): Writer => {
  let heads = openHeadCache()
  const load = async (stream: string): Promise<Head> => headFrom(stream, await store.loadLatest(stream, 1), digest)
  return {
    handle: async (command) => {
      const stream = streamOf(command)
      const isNew = command.type === 'RegisterBench'
      let head = heads.get(stream) ?? (isNew ? noStream(stream) : await load(stream))
      for (let attempt = 1; ; attempt++) {
        const prepared = prepare(stream, head, command)
        const result = await store.append([prepared.commit])
        if (result.kind === 'appended') {
          heads.set(stream, { ...prepared.head, hash: result.commits[0]?.hash ?? null })
          return
        }
        head = result.winners.reduce((before, winner) => advance(before, winner, digest), head)
        // As the write path has it: who loses again and again is behind.
        if (attempt % 4 === 0) head = fold(stream, await store.load(stream, { from: head.version + 1 }), digest, head)
      }
    },
    forget: () => {
      heads = openHeadCache()
    },
  }
}

const prepare = (stream: string, before: Head, command: Command): { commit: NewCommit; head: Head } => {
  const commit: NewCommit = {
    stream,
    version: before.version + 1,
    events: decide(benchIn(before), command),
    previousHash: before.hash,
    ...metadataOf(command),
  }
  const head = advance(before, { ...commit, hash: null }, digest)
  const ride = rideOf(stream, head)
  if (ride === undefined) return { commit, head }
  return { commit: { ...commit, ride }, head: { ...head, commitsSinceRide: 0, bytesSinceRide: 0 } }
}

const benchIn = ({ version, state }: Head): Bench | undefined => (version === 0 ? undefined : (state as Bench))
