import { openViews } from '../../adapters/dynamodb/views.ts'
import { viewStoreContract } from '../contract/viewStore.ts'
import { localEngine } from './dynamodbLocal.ts'

const engine = localEngine()

viewStoreContract('DynamoDB', async () => {
  const options = { client: engine.client(), tablePrefix: await engine.tables(), generation: 1 }
  let store = openViews(options)
  return {
    store,
    reopen: async () => {
      await store.close()
      store = openViews(options)
      return store
    },
    end: () => store.close(),
  }
})
