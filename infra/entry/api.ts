/** The API behind its gateway. */
import { openSurroundings } from '../functions/counted.ts'
import { readEnvironment } from '../functions/environment.ts'
import { openGatewayHandler } from '../functions/gateway.ts'
import { openServed } from '../functions/served.ts'

const environment = readEnvironment([
  'functionName',
  'tablePrefix',
  'bucket',
  'jwtIssuer',
  'jwtAudience',
  'callbackHosts',
])
const surroundings = openSurroundings(environment.functionName)
const { app } = await openServed({ ...surroundings, ...environment })

export const handler = surroundings.counted(openGatewayHandler(app))
