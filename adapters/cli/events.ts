import type { Command } from 'commander'
import type { InputOf } from '../client/operations.ts'
import { type Context, type Verb, valueOf } from './context.ts'
import { given, type StreamAddress, wholeNumber } from './options.ts'
import { plain } from './plain.ts'
import { exitOf } from './problems.ts'
import { shownInstant } from './times.ts'

interface TailOptions {
  kind?: StreamAddress['kind']
  type?: string
  after?: string
  all: boolean
  count?: number
}

/** What is told of an event: the rest is in --json. */
interface Told {
  eventId: string
  at: string
  type: string
  actor: string
  data: unknown
}

/** While the server is away, for so long. */
const retryForMs = 86_400_000
const dataLengthMax = 160

export const declare = (events: Command, verb: Verb): void => {
  verb(
    events
      .command('tail')
      .description('events as they happen, until Ctrl-C; with --json one a line')
      .option('--kind <kind>', 'only of this kind: bench, reservation, execution, worker or message')
      .option('--type <type>', 'only of this type, such as BenchLost')
      .option('--all', 'begin with the first that ever was', false)
      .option('--after <cursor>', 'begin after this cursor instead of now')
      .option('--count <number>', 'end after so many', wholeNumber(1, 1_000_000_000)),
    async (context, { count = Number.POSITIVE_INFINITY, all, after, kind, type }: TailOptions) => {
      let leftCount = count
      const filter = given({ kind, type })
      const print = (event: unknown, told: Told): boolean => {
        context.terminal.out(context.isJson ? JSON.stringify(event) : lineOf(context, told))
        leftCount -= 1
        return leftCount > 0
      }
      const from = all ? await past(context, filter, print) : after
      if (leftCount > 0) await live(context, { ...filter, ...given({ after: from }) }, print)
    },
  )
}

type Print = (event: unknown, told: Told) => boolean

/** Everything so far; answers where it goes on. */
const past = async (context: Context, filter: InputOf<'listEvents'>['query'], print: Print): Promise<string> => {
  for (let after: string | undefined; ; ) {
    const query = { ...filter, limit: 500, ...given({ after }) }
    const { items, nextCursor } = valueOf(context, await context.client.listEvents({ query }))
    for (const event of items) if (!print(event, { ...event, actor: event.actor.id })) return nextCursor
    if (after === nextCursor) return nextCursor
    after = nextCursor
  }
}

const live = async (
  context: Context,
  query: NonNullable<InputOf<'followEvents'>['query']>,
  print: Print,
): Promise<void> => {
  for await (const message of context.client.followEvents({ query }, { retryForMs })) {
    if (message.kind === 'refused') throw exitOf(message.problem, context.terminal.now())
    if (message.kind === 'open') continue
    const event = JSON.parse(message.data) as { id: string; time: string; type: string; actorid: string; data: unknown }
    const { id: eventId, time: at, type, actorid: actor, data } = event
    if (!print(event, { eventId, at, type: type.replace(/^benchplane\./, ''), actor, data })) return
  }
}

const lineOf = ({ terminal }: Context, { eventId, at, type, actor, data }: Told): string => {
  const { dim, bold } = terminal.colours
  const shown = plain(JSON.stringify(data) ?? '')
  const cut = shown.length > dataLengthMax ? `${shown.slice(0, dataLengthMax)}…` : shown
  return `${dim(shownInstant(at, terminal.now()))}  ${bold(type)}  ${eventId}  ${plain(actor)}  ${dim(cut)}`
}
