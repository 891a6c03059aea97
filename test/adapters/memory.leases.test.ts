import { openLeases } from '../../adapters/memory/leases.ts'
import { leaseStoreContract } from '../contract/leaseStore.ts'

leaseStoreContract('memory', async () => openLeases())
