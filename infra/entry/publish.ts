/** Puts what the history's stream tells on the bus. */
import { connect as connectBus } from '../../adapters/eventbridge/client.ts'
import { openPublisher } from '../../adapters/eventbridge/publisher.ts'
import { connect as connectBucket } from '../../adapters/s3/client.ts'
import { openPayloads } from '../../adapters/s3/payloads.ts'
import { connect as connectQueues } from '../../adapters/sqs/client.ts'
import { openLetterQueue } from '../../adapters/sqs/letters.ts'
import { openPublishConsumer } from '../consumers/publish.ts'
import { openSurroundings } from '../functions/counted.ts'
import { readEnvironment } from '../functions/environment.ts'

const environment = readEnvironment(['functionName', 'lettersQueueUrl', 'eventBusName', 'bucket'])
const surroundings = openSurroundings(environment.functionName)
const letters = openLetterQueue({ client: connectQueues(), queueUrl: environment.lettersQueueUrl })
const payloads = openPayloads({ client: connectBucket(), bucket: environment.bucket })
const publisher = openPublisher({ client: connectBus(), busName: environment.eventBusName, payloads })

export const handler = surroundings.counted(openPublishConsumer({ ...surroundings, publisher, letters }))
