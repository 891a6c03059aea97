/** Once a minute, for that minute: keeps the lease clock, looks for silent workers, sends callbacks, starts lost clocks. */
import { openTaskAnswers } from '../../adapters/stepfunctions/callback.ts'
import { connect } from '../../adapters/stepfunctions/client.ts'
import { openArm } from '../../adapters/stepfunctions/clock.ts'
import { openSurroundings } from '../functions/counted.ts'
import { readEnvironment } from '../functions/environment.ts'
import { openMinute } from '../functions/minute.ts'

const environment = readEnvironment(['functionName', 'tablePrefix', 'clockArn', 'webhookSecret', 'callbackHosts'])
const surroundings = openSurroundings(environment.functionName)
const machines = connect()
const arm = openArm(machines, environment.clockArn)
const tasks = openTaskAnswers(machines)

export const handler = surroundings.counted(await openMinute({ ...surroundings, ...environment, arm, tasks }))
