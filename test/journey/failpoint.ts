/**
 * Loaded into a server before anything else (`NODE_OPTIONS=--import=…`): kills it, without a word, right before or right
 * after the transaction, or the request, that holds a certain event. Which one is read from the file that
 * `BENCHPLANE_TEST_FAILPOINT` names.
 */
import { readFileSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

export interface Failpoint {
  /** `{tenant}/{kind}/{id}` */
  stream: string
  type: string
  when: 'before' | 'after'
}

const file = process.env['BENCHPLANE_TEST_FAILPOINT'] ?? ''
const read = (): Failpoint | undefined => {
  const text = readFileSync(file, 'utf8')
  return text === '' ? undefined : (JSON.parse(text) as Failpoint)
}

let reached: Failpoint | undefined

const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes a moment later; nothing more is to happen in it.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
}

const watchInsert = (statement: StatementSync): void => {
  const run = statement.run.bind(statement)
  const watched = (...values: Parameters<typeof run>) => {
    const point = read()
    const [stream, , body] = values as unknown[]
    if (point !== undefined && stream === point.stream && String(body).includes(`"${point.type}"`)) reached = point
    return run(...values)
  }
  statement.run = watched as typeof run
}

const watchCommit = (statement: StatementSync): void => {
  const run = statement.run.bind(statement)
  const watched = (...values: Parameters<typeof run>) => {
    if (reached?.when === 'before') die()
    const result = run(...values)
    if (reached !== undefined) die()
    return result
  }
  statement.run = watched as typeof run
}

/** Before it is sent, or once the engine has answered it. */
const watchRequests = async (): Promise<void> => {
  const { DynamoDBClient, PutItemCommand, TransactWriteItemsCommand } = await import('@aws-sdk/client-dynamodb')
  const { prototype } = DynamoDBClient
  const send = Reflect.get(prototype, 'send') as (command: unknown, ...rest: unknown[]) => Promise<unknown>
  const watched = async function (this: unknown, command: unknown, ...rest: unknown[]): Promise<unknown> {
    const isWrite = command instanceof PutItemCommand || command instanceof TransactWriteItemsCommand
    const point = isWrite ? read() : undefined
    const text = point === undefined ? '' : JSON.stringify((command as { input: unknown }).input)
    // An item has its stream as its key, and its events in a text of JSON.
    const isMet = text.includes(`"S":"${point?.stream}"`) && text.includes(`\\"${point?.type}\\"`)
    if (isMet && point?.when === 'before') die()
    const answer = await send.call(this, command, ...rest)
    if (isMet) die()
    return answer
  }
  Reflect.set(prototype, 'send', watched)
}

if (file !== '' && process.env['BENCHPLANE_STORE'] === 'dynamodb') await watchRequests()
else if (file !== '') {
  const { prototype } = DatabaseSync
  const prepare = Reflect.get<DatabaseSync, 'prepare'>(prototype, 'prepare')
  prototype.prepare = function (sql: string) {
    const statement = prepare.call(this, sql)
    if (sql.includes('INSERT INTO commits')) watchInsert(statement)
    if (sql === 'COMMIT') watchCommit(statement)
    return statement
  }
}
