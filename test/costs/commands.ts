/** What each command costs: on a server that knows the streams it needs, and on one that has just started. */
import type { Spent } from '../adapters/dynamodbCapacity.ts'
import { type Step, story } from './story.ts'
import { demandDone, openCounted, openServer, openTime, type Tables } from './writing.ts'

export interface CommandCost {
  kind: string
  type: string
  note: string | undefined
  eventCount: number
  streamCount: number
  hot: Spent
  cold: Spent
}

interface Measured extends Pick<CommandCost, 'eventCount' | 'streamCount'> {
  step: Step
  spent: Spent
}

/** `isCold`: each command is the first that its server is sent. */
const tell = async (tables: Tables, isCold: boolean): Promise<readonly Measured[]> => {
  const time = openTime()
  const { store, spent } = openCounted(tables)
  let server = openServer(store, time)
  const told: Measured[] = []
  for (const step of story) {
    time.pass(step.afterMs ?? 0)
    if (isCold) server = openServer(store, time)
    spent()
    const { commits } = demandDone(
      `${step.type} of ${step.id}`,
      await server.send(step.kind, step.id, step.type, step.data),
    )
    const cost = spent()
    const eventCount = commits.reduce((sum, { events }) => sum + events.length, 0)
    if (step.measured) told.push({ step, spent: cost, eventCount, streamCount: commits.length })
  }
  await store.close()
  return told
}

/** `tables` answers fresh ones each time. */
export const commandCosts = async (tables: () => Promise<Tables>): Promise<readonly CommandCost[]> => {
  const [hot, cold] = [await tell(await tables(), false), await tell(await tables(), true)]
  return hot.map(({ step: { kind, type, note }, spent, eventCount, streamCount }, at) => {
    const other = cold[at]
    if (other === undefined) throw new Error(`${type} was not told a second time`)
    return { kind, type, note, eventCount, streamCount, hot: spent, cold: other.spent }
  })
}
