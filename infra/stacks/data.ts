import { type App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import {
  BackupPlan,
  BackupPlanRule,
  type BackupPlanRuleProps,
  BackupResource,
  BackupVault,
} from 'aws-cdk-lib/aws-backup'
import {
  AttributeType,
  BillingMode,
  Table as DynamoTable,
  StreamViewType,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb'
import { Schedule } from 'aws-cdk-lib/aws-events'
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import { layout, type Table, type TableKey, tableName } from '../../adapters/dynamodb/layout.ts'
import { deniedOfHistory } from './access.ts'
import { accessLogsBucket, blobsBucket } from './buckets.ts'
import { named, type Options } from './options.ts'
import { acknowledge } from './reasons.ts'

export interface Data {
  stack: Stack
  tables: Readonly<Record<TableKey, DynamoTable>>
  /** Logs and artifacts of executions, and data that is too large for the bus. */
  blobs: Bucket
  /** Who has asked the other buckets for what. */
  accessLogs: Bucket
}

const attributeTypes = { S: AttributeType.STRING, N: AttributeType.NUMBER }

/**
 * What must survive: the tables and the buckets, apart from all that can be made again. A deletion of the stack keeps them.
 *
 * No item expires by itself (no TTL): history is for ever, the rows of views are replaced or discarded with their
 * generation, and a lease's end is the sweeper's, to the second, where the engine may take days.
 *
 * One region: replicas of a table take writes on their own, and the last one wins, so that of two appends to one version
 * both would be acknowledged.
 */
export const dataStack = (app: App, options: Options): Data => {
  const stack = new Stack(app, named(options, 'data'), { terminationProtection: true })
  const keys = Object.keys(layout.tables) as TableKey[]
  const tables = Object.fromEntries(keys.map((key) => [key, table(stack, key, options)])) as Record<
    TableKey,
    DynamoTable
  >
  backup(stack, tables, options)
  const accessLogs = accessLogsBucket(stack)
  return { stack, tables, blobs: blobsBucket(stack, accessLogs), accessLogs }
}

const table = (stack: Stack, key: TableKey, { prefix }: Options): DynamoTable => {
  const { hashKey, rangeKey, stream, isProtected }: Table = layout.tables[key]
  return new DynamoTable(stack, key, {
    tableName: tableName(key, prefix),
    partitionKey: { name: hashKey.name, type: attributeTypes[hashKey.type] },
    sortKey: { name: rangeKey.name, type: attributeTypes[rangeKey.type] },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.AWS_MANAGED,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: isProtected,
    removalPolicy: RemovalPolicy.RETAIN,
    ...(stream === undefined ? {} : { stream: StreamViewType[stream] }),
    ...(key === 'history' ? { resourcePolicy: writtenOnce() } : {}),
  })
}

/** The table stands for itself: its policy cannot name it. */
const writtenOnce = (): PolicyDocument =>
  new PolicyDocument({
    statements: [
      new PolicyStatement({
        sid: 'HistoryIsOnlyAppendedTo',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: deniedOfHistory,
        resources: ['*'],
      }),
    ],
  })

/** Beside point-in-time recovery, which ends with the table and after 35 days. Views can be built anew from history. */
const backup = (stack: Stack, { history, leases }: Data['tables'], options: Options): void => {
  const copied = copiesOf(stack, options)
  const backupVault = new BackupVault(stack, 'vault', {
    backupVaultName: named(options, 'vault'),
    removalPolicy: RemovalPolicy.RETAIN,
    blockRecoveryPointDeletion: true,
  })
  const plan = new BackupPlan(stack, 'plan', {
    backupVault,
    backupPlanRules: [
      new BackupPlanRule({
        ruleName: 'daily',
        scheduleExpression: Schedule.cron({ hour: '3', minute: '0' }),
        deleteAfter: Duration.days(35),
        ...copied,
      }),
      new BackupPlanRule({
        ruleName: 'monthly',
        scheduleExpression: Schedule.cron({ day: '1', hour: '4', minute: '0' }),
        moveToColdStorageAfter: Duration.days(30),
        deleteAfter: Duration.days(365),
        ...copied,
      }),
    ],
  })
  const selection = plan.addSelection('tables', {
    resources: [history, leases].map((each) => BackupResource.fromDynamoDbTable(each)),
  })
  acknowledge(selection, 'backupRole')
}

/** For the day on which the region is gone. */
const copiesOf = (stack: Stack, { backupCopyTo }: Options): Pick<BackupPlanRuleProps, 'copyActions'> =>
  backupCopyTo === undefined
    ? {}
    : {
        copyActions: [
          {
            destinationBackupVault: BackupVault.fromBackupVaultArn(stack, 'elsewhere', backupCopyTo),
            deleteAfter: Duration.days(35),
          },
        ],
      }
