/** Sends what policies answer to events that come from the bus by a queue. */
import { openReactConsumer } from '../consumers/react.ts'
import { openSurroundings } from '../functions/counted.ts'
import { readEnvironment } from '../functions/environment.ts'
import { openTables, openWritePath } from '../functions/tables.ts'

const environment = readEnvironment(['functionName', 'tablePrefix'])
const surroundings = openSurroundings(environment.functionName)
const tables = await openTables(environment.tablePrefix, surroundings)
const { writing, begin } = openWritePath(tables, surroundings)
const react = openReactConsumer({ ...surroundings, ...tables, send: writing.send })

export const handler = surroundings.counted(async (event: Parameters<typeof react>[0]) => {
  begin()
  return react(event)
})
