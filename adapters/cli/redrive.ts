import { type Command, InvalidArgumentError, Option } from 'commander'
import { print, type Verb } from './context.ts'
import { type ExitCode, exits } from './exits.ts'
import type { House, RedriveOptions } from './house.ts'
import { wholeNumber } from './options.ts'
import { plain } from './plain.ts'
import { table } from './show.ts'

const help = `
For a house on DynamoDB. A letter is a commit that a consumer of the history's stream (project, publish) could not deal with,
or a range of the stream that was given up as a whole. Each is done again by the consumer's own handler, and taken away only
when that has succeeded: so it is safe to repeat. A range can be read for a day; after that the answer says what to do.

--feed compares the whole history with the feed instead, and does what the feed lacks: rows, the feed's page and, with --bus,
the events on the bus, which policies need where functions answer for them. Ranges that project had lost are done with then.

It speaks to the tables, the queue and the bus itself, not to a server; region, endpoints and credentials are the SDK's own
settings. Exit codes: 0 when nothing is left, 1 when something is; what keeps it from the tables as serve has it.`

const queueUrl = (value: string): string => {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new InvalidArgumentError(
      "a queue's address, such as https://sqs.eu-central-1.amazonaws.com/123456789012/name",
    )
  return value
}

export const declare = (redrive: Command, verb: Verb, house: House): void => {
  redrive
    .option(
      '--queue <url>',
      'the queue of dead letters; default: the rows that a server without queues keeps',
      queueUrl,
    )
    .addOption(
      new Option('--consumer <name>', "whose ranges a queue holds, where the function's name does not tell").choices([
        'project',
        'publish',
      ]),
    )
    .addOption(
      new Option('--table-prefix <text>', 'in front of the names of the tables').env('BENCHPLANE_TABLE_PREFIX'),
    )
    .addOption(new Option('--bus <name>', 'where publish publishes').env('BENCHPLANE_EVENT_BUS_NAME'))
    .addOption(new Option('--bucket <name>', 'where data too large for the bus lie').env('BENCHPLANE_BUCKET'))
    .option('--feed', 'what is in history and not in the feed, in place of letters')
    .option('--limit <number>', 'letters at most', wholeNumber(1, 100_000), 1_000)
    .addHelpText('after', help)
  verb(redrive, async (context, options: RedriveOptions): Promise<ExitCode> => {
    const letters = await house.redrive(options)
    print(context, { items: letters }, () =>
      letters.length === 0
        ? 'there are no dead letters'
        : table(
            context.terminal,
            ['letter', 'outcome', ''],
            letters.map(({ letter, outcome, reason }) => [plain(letter), outcome, plain(reason)]),
          ),
    )
    return letters.every(({ outcome }) => outcome === 'done') ? exits.done : exits.failed
  })
}
