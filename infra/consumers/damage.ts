import { fault, isFault } from '../../domain/faults.ts'
import type { StreamName } from '../../domain/ids.ts'
import type { EventStore } from '../../domain/ports.ts'

/**
 * Reads a stream and tells damage from an outage. Bytes that are no commit make a read fail as an outage does; but they stay,
 * and who waited for them to pass would wait for ever. A scan reads whatever is there, and so finds them: it is taken only
 * after a failure, and itself fails in an outage.
 */
export const damageTold =
  ({ load, scan }: Pick<EventStore, 'load' | 'scan'>): EventStore['load'] =>
  async (stream, range) => {
    try {
      return await load(stream, range)
    } catch (error) {
      if (!isFault(error, 'storage-unusable')) throw error
      const version = await damagedVersion(scan, stream)
      if (version === undefined) throw error
      throw fault('hole-in-history', `${stream}: version ${version} cannot be read`, error)
    }
  }

const damagedVersion = async (scan: EventStore['scan'], stream: StreamName): Promise<number | undefined> => {
  for await (const page of scan(stream)) {
    const damaged = page.find(({ commit }) => commit === undefined)
    if (damaged !== undefined) return damaged.version
  }
  return undefined
}
