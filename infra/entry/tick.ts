/** One turn of the clock machine: sends a Tick to a stream that is due. */
import { connect } from '../../adapters/stepfunctions/client.ts'
import { openArm } from '../../adapters/stepfunctions/clock.ts'
import { openTick } from '../consumers/tick.ts'
import { openSurroundings } from '../functions/counted.ts'
import { readEnvironment } from '../functions/environment.ts'
import { openTables, openWritePath } from '../functions/tables.ts'

const environment = readEnvironment(['functionName', 'tablePrefix', 'clockArn'])
const surroundings = openSurroundings(environment.functionName)
const tables = await openTables(environment.tablePrefix, surroundings)
const { writing, begin } = openWritePath(tables, surroundings)
const tick = openTick({ ...surroundings, writing, arm: openArm(connect(), environment.clockArn) })

export const handler = surroundings.counted(async (given: unknown) => {
  begin()
  return tick(given)
})
