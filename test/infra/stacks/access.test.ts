import { describe, expect, test } from 'vitest'
import { registerKey } from '../../../adapters/dynamodb/layout.ts'
import { actionsOf, everything, type Statement, statementsByRole, synthesised } from './synthesised.ts'

const given = synthesised(everything)
const roles = statementsByRole(given)
/** `api` of `apiRole1A2B3C4D`. */
const plain = (role: string): string => role.replace(/(?:Role)?(?:DefaultPolicy)?[0-9A-F]{8}$/, '').replace(/Role$/, '')

const mentions = ({ Resource }: Statement, table: string): boolean =>
  new RegExp(`ExportsOutputFnGetAtt${table}[0-9A-F]{8}Arn|"${table}[0-9A-F]{8}"`).test(JSON.stringify(Resource))

/** Who may do what with a table, beside reading. */
const writersOf = (table: string): Record<string, string[]> => {
  const reading = /:(?:Get|BatchGet|Query|Scan|Describe)/
  const found: Record<string, string[]> = {}
  for (const [role, statements] of roles)
    for (const statement of statements.filter((each) => mentions(each, table) && each.Effect === 'Allow')) {
      const writing = actionsOf(statement).filter((action) => !reading.test(action))
      if (writing.length > 0) found[plain(role)] = [...(found[plain(role)] ?? []), ...writing].sort()
    }
  return found
}
const appending = ['dynamodb:ConditionCheckItem', 'dynamodb:PutItem']
const changing = ['BatchWriteItem', 'ConditionCheckItem', 'DeleteItem', 'PutItem', 'UpdateItem'].map(
  (name) => `dynamodb:${name}`,
)

describe('who may write', () => {
  test('history: those who send commands, and they only append', () => {
    expect(writersOf('history')).toEqual({
      api: appending,
      react: appending,
      tick: appending,
      sweep: appending,
      serverTask: appending,
    })
  })

  test('views: those who fold history or build them anew, who keeps account of callbacks; others only single items', () => {
    const first = ['dynamodb:PutItem']
    expect(writersOf('views')).toEqual({
      project: changing,
      sweep: changing,
      serverTask: changing,
      api: first,
      react: first,
      tick: first,
    })
    const conditions = Object.fromEntries(
      [...roles].flatMap(([role, statements]) =>
        statements
          .filter((each) => mentions(each, 'views') && actionsOf(each).join() === 'dynamodb:PutItem')
          .map(({ Condition }) => [plain(role), Condition]),
      ),
    )
    const only = (...keys: string[]) => ({ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': keys } })
    expect(conditions).toEqual({
      api: only(registerKey, '0/checkpoint/loss-freeze-lift'),
      react: only(registerKey),
      tick: only(registerKey),
    })
  })

  test('leases: those who take beats, and who ends them', () => {
    expect(Object.keys(writersOf('leases')).sort()).toEqual(['api', 'serverTask', 'sweep'])
  })
})

describe('roles', () => {
  test('are one for each function, nobody else’s', () => {
    const functions = given.all('AWS::Lambda::Function')
    const own = functions.map(({ Properties }) => JSON.stringify(Properties['Role']))
    expect(functions).toHaveLength(6)
    expect(new Set(own).size).toBe(6)
  })

  test('are allowed actions by their names, never by a pattern', () => {
    for (const [role, statements] of roles)
      for (const action of statements.flatMap(actionsOf))
        if (!/Replication|vpc/i.test(role)) expect(action, role).not.toContain('*')
  })

  test('are allowed everything of a kind only where the service knows no resources', () => {
    const found = [...roles].flatMap(([role, statements]) =>
      statements
        .filter(({ Resource }) => Resource === '*')
        .flatMap((each) => actionsOf(each).map((action) => `${plain(role)} ${action}`)),
    )
    expect(found.sort()).toEqual([
      'api states:SendTaskHeartbeat',
      'project dynamodb:ListStreams',
      'publish dynamodb:ListStreams',
      'serverTask states:SendTaskHeartbeat',
      'sweep states:SendTaskFailure',
      'sweep states:SendTaskHeartbeat',
      'sweep states:SendTaskSuccess',
    ])
  })

  test('let the clock call the function that Ticks, and nothing else', () => {
    const clock = [...roles].find(([role]) => plain(role) === 'clock')?.[1] ?? []
    expect(clock.flatMap(actionsOf).sort()).toEqual(['lambda:InvokeFunction', 'sqs:SendMessage'])
    expect(JSON.stringify(clock)).toContain('tick')
  })
})
