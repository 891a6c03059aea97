import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { type Context, type Verb, valueOf } from './context.ts'
import { exit, exits, isExit } from './exits.ts'
import { duration, given, wholeNumber } from './options.ts'
import { type Reservation, showReservation } from './reservation.ts'
import { parseInstant } from './times.ts'
import { untilActive } from './untilActive.ts'
import { type More, type Wanted, wantedOf } from './wanted.ts'

interface ReserveOptions {
  type?: string
  for?: number
  until?: string
  at?: string
  queue: boolean
  latestStart?: string
  holder?: string
  purpose?: string
  priority?: number
  checkInWithin?: number
  grace?: number
  id?: string
  wait: boolean
  waitTimeout?: number
}

const help = `
What to book:
  reserve hil-brake-01 --for 2h                       this bench
  reserve can-fd "psu.channels>=2" --for 2h           any bench that satisfies all these terms
  reserve --query can-fd --for 2h                     the same for a single term that could be the id of a bench
  reserve hil-brake-01 --bench scope-01 --for 2h      both or none: a gang
  reserve --query "can-fd, ecu in (abs-9.3,abs-9.4)" --query uart --for 2h   any two that do

Refused (exit code 3), it names what is in the way and what is free instead.
With --wait it returns when the reservation is active: 4 when that takes too long, 5 when it ended before.`

export const declare = (reserve: Command, verb: Verb): void => {
  const more: More[] = []
  reserve
    .argument('[what...]', 'the id of one bench, or the terms of one query')
    .option('--bench <benchId>', 'one more bench; repeat it', (benchId) => more.push({ benchId }))
    .option('--query <terms>', 'one more bench, any that satisfies these terms; repeat it', (terms) =>
      more.push({ terms }),
    )
    .option('--type <type>', 'of this type, for what is asked by query')
    .option('--for <duration>', 'for so long', duration)
    .option('--until <instant>', 'to this end, instead of --for')
    .option('--at <instant>', 'from then on; default: now')
    .option('--queue', 'taken then? At the earliest time, and sooner if others give up theirs', false)
    .option('--latest-start <instant>', 'with --queue: not later than that; default: a day later')
    .option('--holder <name>', 'whose it is; default: who you are on this machine')
    .option('--purpose <text>', 'what for')
    .option(
      '--priority <number>',
      'of queued ones the highest profits first: 0 to 100, 50 by default',
      wholeNumber(0, 100),
    )
    .option('--check-in-within <duration>', 'given up unless somebody is there by then; 0s: never', duration)
    .option('--grace <duration>', 'what still runs at the end may take so long to stop', duration)
    .option('--id <reservationId>', 'its id; default: a new one')
    .option('--wait', 'return when it is active', false)
    .option('--wait-timeout <duration>', 'give up waiting; default: 10m after its start', duration)
    .addHelpText('after', help)
  verb(reserve, async (context, what: string[], options: ReserveOptions) => {
    const body = bodyOf(context, wantedOf(what, more, options.type), options)
    const answer = await context.client.requestReservation({ body })
    const booked = hinting(what, () => valueOf(context, answer))
    showReservation(context, options.wait ? await waited(context, booked, options) : booked)
  })
}

/** What was probably meant, when the operands were taken for something else. */
const hints: Readonly<Record<string, (what: readonly string[]) => string | undefined>> = {
  'no-bench-matches': (what) =>
    what.length > 1
      ? `  several operands are terms of one query; for several benches: --bench ${what.join(' --bench ')}`
      : undefined,
  'bench-unknown': ([one, ...rest]) =>
    one !== undefined && rest.length === 0 ? `  for any bench that can: --query ${one}` : undefined,
}

const hinting = <Value>(what: readonly string[], work: () => Value): Value => {
  try {
    return work()
  } catch (error) {
    const [code = ''] = isExit(error) ? error.message.split(':') : []
    const hint = hints[code]?.(what)
    throw isExit(error) && hint !== undefined ? Object.assign(error, { details: [...error.details, hint] }) : error
  }
}

const bodyOf = ({ terminal }: Context, benches: Wanted[], options: ReserveOptions) => {
  if ((options.for === undefined) === (options.until === undefined))
    throw exit(exits.usage, 'give either --for or --until')
  if (options.waitTimeout !== undefined && !options.wait) throw exit(exits.usage, '--wait-timeout needs --wait')
  // Once: +3h to +4h is an hour.
  const now = terminal.now()
  const instantOf = (text: string | undefined, option: string): string | undefined =>
    text === undefined ? undefined : parseInstant(text, option, now)
  return {
    holder: options.holder ?? terminal.environment['BENCHPLANE_HOLDER'] ?? userInfo().username,
    benches,
    queue: options.queue,
    ...given({
      reservationId: options.id,
      start: instantOf(options.at, '--at'),
      end: instantOf(options.until, '--until'),
      durationMs: options.for,
      latestStart: instantOf(options.latestStart, '--latest-start'),
      purpose: options.purpose,
      priority: options.priority,
      checkInWithinMs: options.checkInWithin,
      graceMs: options.grace,
    }),
  }
}

/** A start is promised from the beginning, also to a queued one: only an execution that goes on may delay it. */
const patienceMs = 600_000

const waited = async (context: Context, booked: Reservation, { waitTimeout }: ReserveOptions): Promise<Reservation> => {
  const untilStartMs = Math.max(0, Date.parse(booked.start) - context.terminal.now().getTime())
  return untilActive(context, booked, waitTimeout ?? untilStartMs + patienceMs)
}
