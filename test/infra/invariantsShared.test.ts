import { anybody, localEngine } from '../adapters/dynamodbLocal.ts'
import { openHouses } from './house.ts'
import { invariantsInStorm } from './invariantsInStorm.ts'

const { open } = openHouses()
const { endpoint, tables } = localEngine()

const shared = async (now: () => string) =>
  open({ store: 'dynamodb', tablePrefix: await tables(), connection: { endpoint: endpoint(), ...anybody }, now })

invariantsInStorm('dynamodb', shared, 120)
