import type { Command } from 'commander'
import type { Client } from '../client/client.ts'
import type { Answer } from '../client/transport.ts'
import type { ExitCode } from './exits.ts'
import { nameFrom } from './faults.ts'
import { json, plain } from './plain.ts'
import { exitOf } from './problems.ts'
import type { Terminal } from './terminal.ts'

/** What every verb is given. */
export interface Context {
  terminal: Terminal
  client: Client
  /** Where the client asks. */
  url: string
  token: string | undefined
  /** Answers are for a program. */
  isJson: boolean
  /** The options that were given, as `--for`. */
  options: readonly string[]
}

/** What `declare` of a topic hangs its verbs on; `Args` are the verb's operands, then its options. */
export type Verb = <Args extends readonly unknown[]>(
  command: Command,
  act: (context: Context, ...args: Args) => Promise<ExitCode | void>,
) => void

/** The value of an answer; a refusal ends the command. */
export const valueOf = <Value>({ terminal, options }: Context, answer: Answer<Value>): Value => {
  if (answer.ok) return answer.value
  throw exitOf(answer.problem, terminal.now(), nameFrom(options))
}

/** The one answer of a verb: as JSON, or as people read it. */
export const print = ({ terminal, isJson }: Context, value: unknown, forPeople: () => string): void =>
  terminal.out(isJson ? json(value) : forPeople())

interface Page<Item> {
  items: readonly Item[]
  nextCursor?: string | undefined
}

const pageSizeMax = 500

/** At most `limit` items of a list, however many pages that takes; says on stderr when there are more. */
export const listOf = async <Item>(
  context: Context,
  limit: number,
  ask: (page: { limit: number; cursor?: string }) => Promise<Answer<Page<Item>>>,
): Promise<readonly Item[]> => {
  const items: Item[] = []
  for (let cursor: string | undefined; ; ) {
    const size = Math.min(pageSizeMax, limit - items.length)
    const page = valueOf(context, await ask({ limit: size, ...(cursor === undefined ? {} : { cursor }) }))
    items.push(...page.items)
    cursor = page.nextCursor
    if (cursor === undefined) return items
    if (items.length >= limit) break
  }
  context.terminal.err(context.terminal.errColours.dim(`there are more: --limit ${limit * 10}`))
  return items
}

/** `{ a: 'b' }` as `a=b, c=d`. */
export const pairs = (map: Readonly<Record<string, string>>): string =>
  plain(
    Object.entries(map)
      .map(([name, value]) => `${name}=${value}`)
      .join(', '),
  )
