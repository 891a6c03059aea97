/** What every store is given: the same commands, made before the clock runs, and the facts they are to be kept as. */
import { canonicalJson, sha256 } from '../../../adapters/chain.ts'

export interface Description {
  type: string
  name: string
  capabilities: readonly string[]
  location: string
  setupMs: number
  teardownMs: number
  labels: Readonly<Record<string, string>>
}

/** Who has sent which command, when: whoever can answer an auditor or a retry keeps it beside the events. */
export interface Metadata {
  at: string
  actor: { kind: 'user'; id: string }
  commandId: string
  commandHash: string
  correlationId: string
}

export interface Command extends Metadata {
  benchId: string
  type: 'RegisterBench' | 'DescribeBench'
  /** One event each. */
  descriptions: readonly Description[]
}

export interface Fact {
  type: 'BenchRegistered' | 'BenchDescribed'
  schemaVersion: 1
  data: Description & { benchId?: string }
}

/** What the peers fold: the bench as it was described last. */
export interface Bench {
  benchId: string
  description: Description
}

let made = 0

const descriptionOf = (n: number): Description => ({
  type: 'hil',
  name: `engine bench ${n}`,
  capabilities: ['can-fd', 'psu.channels=4', 'scope.bandwidth-mhz=200', 'thermal-chamber'],
  location: `hall 3, rack ${n}`,
  setupMs: 120_000,
  teardownMs: 60_000,
  labels: { team: 'powertrain', floor: '2', project: 'inverter-9', 'cost-centre': '4711', owner: 'lab-3' },
})

/** A command of `eventCount` events, none of which leaves the bench as it was. */
export const commandOf = (benchId: string, type: Command['type'], eventCount = 1): Command => {
  const descriptions = Array.from({ length: eventCount }, () => descriptionOf(++made))
  return {
    benchId,
    type,
    descriptions,
    at: new Date().toISOString(),
    actor: { kind: 'user', id: 'ada' },
    commandId: `key-${made}`,
    commandHash: sha256(canonicalJson({ benchId, type, descriptions })),
    correlationId: `request-${made}`,
  }
}

export const factsOf = ({ type, benchId, descriptions }: Command): readonly Fact[] =>
  descriptions.map((data) =>
    type === 'RegisterBench'
      ? { type: 'BenchRegistered', schemaVersion: 1, data: { benchId, ...data } }
      : { type: 'BenchDescribed', schemaVersion: 1, data },
  )

export const metadataOf = ({ at, actor, commandId, commandHash, correlationId }: Command): Metadata => ({
  at,
  actor,
  commandId,
  commandHash,
  correlationId,
})

/** What must be told of a command to keep it: the same for all. */
export const payloadOf = (command: Command): string =>
  JSON.stringify({ events: factsOf(command), ...metadataOf(command) })

export const evolve = (bench: Bench | undefined, { data }: Pick<Fact, 'data'>): Bench => {
  const { benchId = bench?.benchId ?? '', ...description } = data
  return { benchId, description }
}

/** The decision of all peers: a bench that is known is described anew. Throws for one that is not. */
export const decide = (bench: Bench | undefined, command: Command): readonly Fact[] => {
  if ((bench === undefined) !== (command.type === 'RegisterBench'))
    throw new Error(`${command.benchId}: ${command.type}`)
  return factsOf(command)
}
