import { decider } from '../domain/bench/decide.ts'
import type { BenchEvent } from '../domain/bench/events.ts'
import type { BenchState } from '../domain/bench/state.ts'
import type { Happened } from '../domain/decider.ts'
import type { View } from './view.ts'

/**
 * Which benches are there, what can they do, and who holds them?
 *
 * Every index is sorted by bench id. `capability_idx` has a partition for each tag, each `key=value` and each bare key,
 * which is where `indexKeyOf` (domain/capabilities.ts) looks for the benches that could satisfy a term.
 */
export const benches: View<BenchState> = {
  name: 'benches',
  kind: 'bench',
  project: (body, recorded) => decider.evolve(body ?? decider.initial, recorded as unknown as Happened<BenchEvent>),
  entries: (id, state) => {
    if (state.status === 'absent') return []
    const { description, serviceability, connectivity } = state
    const found = (index: string, partition: string) => ({ index, partition, sort: id })
    return [
      found('all_idx', 'benches'),
      found('type_idx', description.type),
      found('serviceability_idx', serviceability),
      found('connectivity_idx', connectivity),
      ...capabilityKeys(description.capabilities).map((key) => found('capability_idx', key)),
    ]
  },
  nextDue: (state) => decider.nextDue(state),
}

const capabilityKeys = (capabilities: readonly string[]): readonly string[] => [
  ...new Set(
    capabilities.flatMap((capability) => {
      const equals = capability.indexOf('=')
      return equals < 0 ? [capability] : [capability, capability.slice(0, equals)]
    }),
  ),
]
