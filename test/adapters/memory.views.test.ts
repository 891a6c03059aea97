import { openViews } from '../../adapters/memory/views.ts'
import { viewStoreContract } from '../contract/viewStore.ts'

viewStoreContract('memory', async () => {
  const store = openViews()
  return { store, end: () => store.close() }
})
