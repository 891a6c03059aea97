import { describe, expect, test } from 'vitest'
import { layout, type TableKey, tableName } from '../../../adapters/dynamodb/layout.ts'
import { synthesised } from './synthesised.ts'

const given = synthesised()
const tables = Object.values(given.resources('data', 'AWS::DynamoDB::Table'))
const keys = Object.keys(layout.tables) as TableKey[]
const tableOf = (key: TableKey) => {
  const found = tables.find(({ Properties }) => Properties['TableName'] === tableName(key))
  if (found === undefined) throw new Error(`no table ${key}`)
  return found
}

describe('the tables of a deployment', () => {
  test('are those of the layout, and no others', () => {
    expect(tables.map(({ Properties }) => String(Properties['TableName'])).sort()).toEqual(
      keys.map((key) => tableName(key)).sort(),
    )
  })

  test.each(keys)('%s has the keys, the stream and the protection that the layout says', (key) => {
    const { hashKey, rangeKey, stream, isProtected } = layout.tables[key]
    const { Properties, DeletionPolicy } = tableOf(key)
    expect(Properties).toMatchObject({
      KeySchema: [
        { AttributeName: hashKey.name, KeyType: 'HASH' },
        { AttributeName: rangeKey.name, KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [hashKey, rangeKey].map(({ name, type }) => ({ AttributeName: name, AttributeType: type })),
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: isProtected,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
    })
    expect(Properties['StreamSpecification']?.StreamViewType).toBe(stream)
    expect(DeletionPolicy).toBe('Retain')
  })

  test('forget nothing by themselves, and have no index of the engine’s', () => {
    for (const { Properties } of tables) {
      expect(Properties['TimeToLiveSpecification']).toBeUndefined()
      expect(Properties['GlobalSecondaryIndexes']).toBeUndefined()
    }
  })

  test('refuse whoever would change history, whatever else allows it', () => {
    expect(tableOf('history').Properties['ResourcePolicy'].PolicyDocument.Statement).toEqual([
      {
        Sid: 'HistoryIsOnlyAppendedTo',
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: ['BatchWriteItem', 'DeleteItem', 'PartiQLDelete', 'PartiQLInsert', 'PartiQLUpdate', 'UpdateItem'].map(
          (name) => `dynamodb:${name}`,
        ),
        Resource: '*',
      },
    ])
  })

  test('are backed up by day and by month where they cannot be made again', () => {
    const [plan] = given.all('AWS::Backup::BackupPlan')
    expect(plan?.Properties['BackupPlan'].BackupPlanRule.map(({ RuleName }: { RuleName: string }) => RuleName)).toEqual(
      ['daily', 'monthly'],
    )
    const [selection] = given.all('AWS::Backup::BackupSelection')
    const backedUp = JSON.stringify(selection?.Properties['BackupSelection'].Resources)
    const ids = Object.entries(given.resources('data', 'AWS::DynamoDB::Table'))
    for (const [id, { Properties }] of ids)
      expect(backedUp.includes(id), id).toBe(Properties['TableName'] !== tableName('views'))
  })

  test('have each of their backups copied to another region where one is named', () => {
    const vault = 'arn:aws:backup:eu-west-1:123456789012:backup-vault:elsewhere'
    const [plan] = synthesised({ backupCopyTo: vault }).all('AWS::Backup::BackupPlan')
    const rules = plan?.Properties['BackupPlan'].BackupPlanRule as { CopyActions: object[] }[]
    for (const { CopyActions } of rules) expect(CopyActions).toMatchObject([{ DestinationBackupVaultArn: vault }])
    expect(() => synthesised({ backupCopyTo: 'eu-west-1' })).toThrow('-c backupCopyTo: the ARN of a backup vault')
  })

  test('of a second deployment in the account have names of their own', () => {
    const other = synthesised({ prefix: 'lab-' })
    expect(other.stacks.map(({ stackName }) => stackName)).toContain('lab-data')
    for (const { Properties } of other.all('AWS::DynamoDB::Table')) expect(Properties['TableName']).toMatch(/^lab-/)
  })
})

describe('the buckets of a deployment', () => {
  const buckets = given.all('AWS::S3::Bucket')

  test('are closed to the public, and survive their stack', () => {
    expect(buckets).toHaveLength(4)
    for (const { Properties, DeletionPolicy } of buckets) {
      expect(Object.values(Properties['PublicAccessBlockConfiguration'])).toEqual([true, true, true, true])
      expect(DeletionPolicy).toBe('Retain')
    }
  })

  test('are spoken to by TLS only', () => {
    const policies = given.all('AWS::S3::BucketPolicy').map((each) => JSON.stringify(each.Properties))
    expect(policies).toHaveLength(buckets.length)
    for (const policy of policies) expect(policy).toContain('"Condition":{"Bool":{"aws:SecureTransport":"false"}}')
  })

  test('keep what was archived from deletion, and move it to Glacier', () => {
    const locked = buckets.filter(({ Properties }) => Properties['ObjectLockEnabled'] === true)
    expect(locked).toHaveLength(1)
    expect(locked[0]?.Properties).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 365 } } },
    })
    expect(JSON.stringify(locked[0]?.Properties['LifecycleConfiguration'])).toContain('"StorageClass":"GLACIER"')
  })

  test('let uploads that nobody finished go', () => {
    for (const { Properties } of buckets)
      expect(JSON.stringify(Properties['LifecycleConfiguration'])).toContain('AbortIncompleteMultipartUpload')
  })
})
