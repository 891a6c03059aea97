import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLogs as openFileLogs } from '../../adapters/files/logs.ts'
import { openLogs as openMemoryLogs } from '../../adapters/memory/logs.ts'
import { logStoreContract } from '../contract/logStore.ts'
import { temporaryDirectories } from './directories.ts'

const { fresh } = temporaryDirectories()

logStoreContract('memory', () => openMemoryLogs())
logStoreContract('files', () => openFileLogs({ directory: fresh() }))

test('a log that can’t be written is an outage that names its file', async () => {
  const key = { tenant: 'default', executionId: 'e-1', taskName: 'a', attempt: 1 }
  const directory = fresh()
  writeFileSync(join(directory, 'logs'), 'in the way')
  const logs = openFileLogs({ directory })
  await expect(logs.append(key, 0, Buffer.from('x'))).rejects.toMatchObject({ code: 'storage-unusable' })
  await expect(logs.read(key, 0, 1)).rejects.toThrow(join(directory, 'logs', 'default', 'e-1', 'a', '1.log'))
})
