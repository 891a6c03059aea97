import type { InputOf, ValueOf } from '../client/operations.ts'
import { type Difference, differencesOf } from './differences.ts'
import type { DeclaredBench, Lab } from './labFile.ts'

/** What has to be done so that the lab is as its file declares it. Pure: what is there goes in, what to change comes out. */

type Bench = ValueOf<'getBench'>
type Worker = ValueOf<'getWorker'>
type Register = InputOf<'registerBench'>['body']
type Describe = InputOf<'describeBench'>['body']
type Serviceability = NonNullable<DeclaredBench['serviceability']>

export type Change =
  /** Without differences: it is not known yet. */
  | { kind: 'enrol'; workerId: string; labels: Record<string, string>; differences: readonly Difference[] }
  | { kind: 'register'; benchId: string; body: Register }
  | { kind: 'describe'; benchId: string; body: Describe; ifMatch: number; differences: readonly Difference[] }
  | { kind: 'service'; benchId: string; from: Bench['serviceability']; to: Serviceability; reason: string }
  | { kind: 'retire'; benchId: string }

export interface LabDifference {
  changes: readonly Change[]
  /** Benches and workers that are as declared. */
  unchangedCount: number
  /** Benches in service that the file does not name. */
  missing: readonly string[]
  /** Declared benches that are retired, which is for ever. */
  retired: readonly string[]
}

export const labDifference = (
  lab: Lab,
  there: { benches: readonly Bench[]; workers: readonly Worker[] },
  { retireMissing }: { retireMissing: boolean },
): LabDifference => {
  const benches = new Map(there.benches.map((bench) => [bench.benchId, bench]))
  const workers = new Map(there.workers.map((worker) => [worker.workerId, worker]))
  const declared = new Set(lab.benches.map(({ benchId }) => benchId))
  const missing = there.benches
    .filter(({ benchId, serviceability }) => !declared.has(benchId) && serviceability !== 'retired')
    .map(({ benchId }) => benchId)
  const perBench = lab.benches.map((bench) => benchChanges(bench, benches.get(bench.benchId)))
  const perWorker = lab.workers.map((worker) => workerChanges(worker, workers.get(worker.workerId)))
  const perMissing = retireMissing ? missing.map((benchId): Change => ({ kind: 'retire', benchId })) : []
  return {
    changes: [...perWorker.flat(), ...perBench.flat(), ...perMissing],
    unchangedCount: [...perBench, ...perWorker].filter((changes) => changes.length === 0).length,
    missing,
    retired: lab.benches
      .map(({ benchId }) => benchId)
      .filter((benchId) => benches.get(benchId)?.serviceability === 'retired'),
  }
}

const workerChanges = ({ workerId, labels }: Lab['workers'][number], there: Worker | undefined): readonly Change[] => {
  const differences = there === undefined ? [] : differencesOf(there.labels, labels, 'labels')
  return there !== undefined && differences.length === 0 ? [] : [{ kind: 'enrol', workerId, labels, differences }]
}

const benchChanges = (bench: DeclaredBench, there: Bench | undefined): readonly Change[] => {
  const { benchId, serviceability: to, reason = '' } = bench
  if (there?.serviceability === 'retired') return []
  const from = there?.serviceability ?? 'in-service'
  const service: readonly Change[] =
    to === undefined || to === from ? [] : [{ kind: 'service', benchId, from, to, reason }]
  if (there === undefined) return [{ kind: 'register', benchId, body: registration(bench) }, ...service]
  const wanted = descriptionOf(bench)
  const differences = differencesOf(comparable(descriptionOf(there)), comparable(wanted))
  if (differences.length === 0) return service
  const names = new Set(differences.map(({ path }) => path.split('.')[0]))
  const body = Object.fromEntries(Object.entries(wanted).filter(([name]) => names.has(name))) as Describe
  return [{ kind: 'describe', benchId, body, ifMatch: there.descriptionVersion, differences }, ...service]
}

interface Description {
  type: string
  /** null: none. */
  name: string | null
  capabilities: string[]
  location: string | null
  setupMs: number
  teardownMs: number
  labels: Record<string, string>
}

const descriptionOf = (bench: DeclaredBench | Bench): Description => ({
  type: bench.type,
  name: bench.name ?? null,
  capabilities: [...bench.capabilities],
  location: bench.location ?? null,
  setupMs: 'setup' in bench ? bench.setup : bench.setupMs,
  teardownMs: 'teardown' in bench ? bench.teardown : bench.teardownMs,
  labels: bench.labels,
})

/** The order of capabilities means nothing, and one that is told twice is one. */
const comparable = ({ capabilities, ...rest }: Description) => ({
  ...rest,
  capabilities: Object.fromEntries(capabilities.map((capability) => [capability, true])),
})

const registration = (bench: DeclaredBench): Register => {
  const { name, location, ...rest } = descriptionOf(bench)
  return {
    benchId: bench.benchId,
    ...rest,
    ...(name === null ? {} : { name }),
    ...(location === null ? {} : { location }),
  }
}
