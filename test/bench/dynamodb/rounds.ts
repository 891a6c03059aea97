/** Runs the rounds: each peer in turn within each, so that whatever slows the machine down slows all of them. */
import { DynamoDB, type DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { connectionOf } from '../../../adapters/awsConnection.ts'
import { anybody } from '../../adapters/dynamodbLocal.ts'
import { commandOf } from './commands.ts'
import { meter, type Spent } from './meter.ts'
import type { Peer, Writer } from './peer.ts'
import type { Lane, Scenario } from './scenarios.ts'

const roundCount = Number(process.env['ROUNDS'] ?? 15)

export interface Measured {
  peer: string
  /** Commands per second of each round but the first, which warms up. */
  rates: readonly number[]
  latenciesMs: readonly number[]
  /** Of this process for one command, in µs: what the store's own code takes, whatever the engine and the machine do. */
  cpuUs: readonly number[]
  /** Of one command. */
  spent: Spent
}

/** Kept connections, one for each request that is under way. */
const clientOf = (endpoint: string, peer?: Peer): DynamoDBClient =>
  peer?.connect?.(endpoint) ?? new DynamoDB({ ...connectionOf({}, 64), endpoint, ...anybody })

interface Timed {
  perSecond: number
  cpuUs: number
  latenciesMs: readonly number[]
}

const run = async (lanes: readonly Lane[], writers: readonly Writer[]): Promise<Timed> => {
  const latenciesMs: number[] = []
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  await Promise.all(
    lanes.map(async ({ writer, commands }) => {
      for (const command of commands) {
        const begun = performance.now()
        await writers[writer]?.handle(command)
        latenciesMs.push(performance.now() - begun)
      }
    }),
  )
  const perSecond = (latenciesMs.length / (performance.now() - start)) * 1_000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond, latenciesMs, cpuUs: (user + system) / latenciesMs.length }
}

/** Each stream gets its events by the store itself, so that it lies there as it would. */
const prepare = async ({ streams, eventCount }: Scenario, writer: Writer): Promise<void> => {
  for (let from = 0; from < streams.length; from += 16)
    await Promise.all(
      streams.slice(from, from + 16).map(async (stream) => {
        await writer.handle(commandOf(stream, 'RegisterBench'))
        for (let n = 1; n < eventCount; n++) await writer.handle(commandOf(stream, 'DescribeBench'))
      }),
    )
}

const counted = async (scenario: Scenario, peer: Peer, endpoint: string, beside: DynamoDBClient): Promise<Spent> => {
  const { TableNames = [] } = await beside.send(new ListTablesCommand({}))
  const clients = Array.from({ length: scenario.writerCount }, () => clientOf(endpoint, peer))
  const spents = await Promise.all(clients.map((client) => meter(client, beside, TableNames)))
  const writers = clients.map((client) => peer.open(client))
  if (!scenario.isCold) await warm(scenario, writers)
  for (const spent of spents) spent()
  let commandCount = 0
  for (let round = 0; round < scenario.countedRoundCount; round++)
    commandCount += (await runRound(scenario, scenario.countedLanes(), writers)).latenciesMs.length
  for (const client of clients) client.destroy()
  return perCommand(
    spents.map((spent) => spent()),
    commandCount,
  )
}

const runRound = async (scenario: Scenario, lanes: readonly Lane[], writers: readonly Writer[]): Promise<Timed> => {
  if (scenario.isCold) for (const writer of writers) writer.forget()
  return run(lanes, writers)
}

/** One command by each server on each of its streams: their states are cached after it. */
const warm = async (scenario: Scenario, writers: readonly Writer[]): Promise<void> => {
  const streams = new Set(scenario.countedLanes().flatMap(({ commands }) => commands.map(({ benchId }) => benchId)))
  for (const writer of writers) for (const stream of streams) await writer.handle(commandOf(stream, 'DescribeBench'))
}

const perCommand = (spents: readonly Spent[], commandCount: number): Spent => {
  const mean = (key: keyof Spent): number => spents.reduce((sum, spent) => sum + spent[key], 0) / commandCount
  return {
    calls: mean('calls'),
    writeUnits: mean('writeUnits'),
    readUnits: mean('readUnits'),
    rideUnits: mean('rideUnits'),
  }
}

/** Each peer's rounds of one scenario; who begins changes from round to round. */
export const measure = async (
  scenario: Scenario,
  peers: readonly Peer[],
  endpoint: string,
): Promise<readonly Measured[]> => {
  const opened = peers.map((peer) => {
    const clients = Array.from({ length: scenario.writerCount }, () => clientOf(endpoint, peer))
    return { peer, clients, writers: clients.map((client) => peer.open(client)), timed: [] as Timed[] }
  })
  for (const { writers } of opened) for (const writer of writers.slice(0, 1)) await prepare(scenario, writer)
  for (let round = 0; round <= roundCount; round++)
    for (let turn = 0; turn < opened.length; turn++) {
      const one = opened[(round + turn) % opened.length]
      const lanes = scenario.lanes()
      if (one !== undefined) one.timed.push(await runRound(scenario, lanes, one.writers))
    }
  const beside = clientOf(endpoint)
  const measured: Measured[] = []
  for (const { peer, clients, timed } of opened) {
    measured.push({
      peer: peer.name,
      rates: timed.slice(1).map(({ perSecond }) => perSecond),
      latenciesMs: timed.slice(1).flatMap(({ latenciesMs }) => latenciesMs),
      cpuUs: timed.slice(1).map(({ cpuUs }) => cpuUs),
      spent: await counted(scenario, peer, endpoint, beside),
    })
    for (const client of clients) client.destroy()
  }
  beside.destroy()
  return measured
}
