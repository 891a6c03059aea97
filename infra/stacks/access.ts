import { Effect, type IGrantable, PolicyStatement, type PolicyStatementProps } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { lastingGeneration, registerKey, type TableKey } from '../../adapters/dynamodb/layout.ts'
import { checkpointPartition } from '../../adapters/dynamodb/viewKeys.ts'
import { liftFact } from '../shared/lossFreeze.ts'
import { acknowledge } from './reasons.ts'

/** What may be done with a table. */
export type Access = 'read' | 'append' | 'write' | 'register' | 'lift'

const actions: Readonly<Record<Access, readonly string[]>> = {
  read: ['GetItem', 'BatchGetItem', 'Query', 'Scan'],
  /** All that ever writes history. No policy can demand a condition: who reads the table's stream tells what is no insert. */
  append: ['PutItem', 'ConditionCheckItem'],
  /** Of the one item that tells which rows serve: who comes first to empty tables writes it. */
  register: ['PutItem'],
  /** Of the one item by which the keeper is asked to declare silent workers lost after all. */
  lift: ['PutItem'],
  write: ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'ConditionCheckItem'],
}

/** What is allowed of these items only. */
const ownKeys: Partial<Readonly<Record<Access, string>>> = {
  register: registerKey,
  lift: checkpointPartition(lastingGeneration, liftFact),
}

/** Nobody needs them: denied to everybody, whatever else somebody is allowed. */
export const deniedOfHistory = [
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'PartiQLInsert',
  'PartiQLUpdate',
  'PartiQLDelete',
].map((action) => `dynamodb:${action}`)

/** Tables that a role uses, and what for. */
export type TableAccess = Partial<Record<TableKey, readonly Access[]>>

/** Of every role that is made here; what is not named is not allowed. */
export const tableAccess = {
  /** Takes commands and beats, answers reads. */
  api: { history: ['read', 'append'], views: ['read', 'register', 'lift'], leases: ['read', 'write'] },
  /** As the API's function, and builds views anew, which no function has the time for. */
  server: { history: ['read', 'append'], views: ['read', 'write'], leases: ['read', 'write'] },
  /** Folds commits into rows, reading what is missing; names them in the feed. */
  project: { history: ['read'], views: ['read', 'write'] },
  /** Everything that it sends is in the record. */
  publish: {},
  /** Sends the policies' commands, having waited for the rows. */
  react: { history: ['read', 'append'], views: ['read', 'register'] },
  /** Sends Ticks. */
  tick: { history: ['read', 'append'], views: ['read', 'register'] },
  /** Keeps the lease clock, declares workers lost, re-arms clocks, sends callbacks and keeps account of them. */
  sweep: { history: ['read', 'append'], views: ['read', 'write'], leases: ['read', 'write'] },
} as const satisfies Record<string, TableAccess>

/** A statement of a role's own policy. */
export const allow = (
  to: IGrantable,
  actions: readonly string[],
  resources: readonly string[],
  conditions: PolicyStatementProps['conditions'] = {},
): void => {
  const given = { effect: Effect.ALLOW, actions: [...actions], resources: [...resources], conditions }
  to.grantPrincipal.addToPrincipalPolicy(new PolicyStatement(given))
}

const named = (kinds: readonly Access[]): readonly string[] =>
  [...new Set(kinds.flatMap((kind) => actions[kind]))].map((action) => `dynamodb:${action}`)

export const allowTables = (
  to: IGrantable,
  tables: Readonly<Record<TableKey, { tableArn: string }>>,
  access: TableAccess,
): void => {
  for (const [key, kinds] of Object.entries(access) as [TableKey, readonly Access[]][]) {
    const { tableArn } = tables[key]
    const keys = kinds.flatMap((kind) => ownKeys[kind] ?? [])
    allow(to, named(kinds.filter((kind) => ownKeys[kind] === undefined)), [tableArn])
    const condition = { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': keys } }
    if (keys.length > 0) allow(to, named(kinds.filter((kind) => ownKeys[kind] !== undefined)), [tableArn], condition)
  }
}

/** A task token names no state machine: whoever holds one was handed it by who waits. */
export const allowTaskAnswers = (to: IGrantable, answers: readonly ('Success' | 'Failure' | 'Heartbeat')[]): void => {
  const names = answers.map((answer) => `states:SendTask${answer}`)
  allow(to, names, ['*'])
  acknowledge(roleOf(to), 'taskTokens')
}

/** Throws for a role of another deployment: it is nobody's here. */
export const roleOf = ({ grantPrincipal }: IGrantable): Construct => {
  if (!Construct.isConstruct(grantPrincipal)) throw new Error('only roles that are made here are allowed anything')
  return grantPrincipal
}
