/** Folds what the history's stream tells into the rows of the views, names it in the feed, and starts clocks. */
import { connect as connectQueues } from '../../adapters/sqs/client.ts'
import { openLetterQueue } from '../../adapters/sqs/letters.ts'
import { connect as connectMachines } from '../../adapters/stepfunctions/client.ts'
import { openArm } from '../../adapters/stepfunctions/clock.ts'
import { openArming } from '../consumers/arming.ts'
import { openProjectConsumer } from '../consumers/project.ts'
import { openSurroundings } from '../functions/counted.ts'
import { readEnvironment } from '../functions/environment.ts'
import { openTables } from '../functions/tables.ts'

const environment = readEnvironment(['functionName', 'tablePrefix', 'lettersQueueUrl', 'clockArn'])
const surroundings = openSurroundings(environment.functionName)
const tables = await openTables(environment.tablePrefix, surroundings)
const letters = openLetterQueue({ client: connectQueues(), queueUrl: environment.lettersQueueUrl })
const onWritten = openArming({ ...surroundings, arm: openArm(connectMachines(), environment.clockArn) })

export const handler = surroundings.counted(openProjectConsumer({ ...surroundings, ...tables, letters, onWritten }))
