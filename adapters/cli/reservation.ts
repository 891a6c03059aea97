import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, listOf, print, type Verb, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { duration, given, limit } from './options.ts'
import { plain } from './plain.ts'
import { facts, status, table } from './show.ts'
import { parseInstant, shownDuration, shownInstant } from './times.ts'

export type Reservation = ValueOf<'getReservation'>

export const declare = (reservation: Command, verb: Verb): void => {
  looking(reservation, verb)
  changing(reservation, verb)
  ending(reservation, verb)
}

interface ListOptions {
  bench?: string
  holder?: string
  status?: Reservation['status']
  limit: number
}

const looking = (reservation: Command, verb: Verb): void => {
  verb(
    reservation
      .command('list')
      .description('the newest first')
      .option('--bench <benchId>', 'on this bench, by start')
      .option('--holder <name>', 'of this holder')
      .option('--status <status>', 'confirmed, queued, active, released, expired, no-show or cancelled')
      .option('--limit <count>', 'at most so many', limit, 50),
    async (context, { bench, limit: count, ...filters }: ListOptions) => {
      const asked = given({ benchId: bench, holder: filters.holder, status: filters.status })
      const ask = (page: object) => context.client.listReservations({ query: { ...asked, ...page } })
      const reservations = await listOf(context, count, ask)
      print(context, reservations, () => reservationTable(context, reservations))
    },
  )
  verb(
    reservation.command('show <reservationId>').description('one reservation'),
    async (context, reservationId: string) => {
      showReservation(context, valueOf(context, await context.client.getReservation({ params: { reservationId } })))
    },
  )
  verb(
    reservation
      .command('why <reservationId>')
      .description('why these benches and this window; what a queued one waits for'),
    async (context, reservationId: string) => {
      const why = valueOf(context, await context.client.explainReservation({ params: { reservationId } }))
      print(context, why, () => explained(context, why))
    },
  )
}

interface By {
  by?: number
  until?: string
}

const changing = (reservation: Command, verb: Verb): void => {
  const byOrUntil = (command: Command): Command =>
    command.option('--by <duration>', 'by so long', duration).option('--until <instant>', 'to this end')
  verb(
    byOrUntil(reservation.command('extend <reservationId>').description('move its end later')),
    async (context, reservationId: string, options: By) =>
      showReservation(context, await resized(context, reservationId, options, 1)),
  )
  verb(
    byOrUntil(reservation.command('shorten <reservationId>').description('move its end earlier')),
    async (context, reservationId: string, options: By) =>
      showReservation(context, await resized(context, reservationId, options, -1)),
  )
  verb(
    reservation
      .command('move <reservationId>')
      .description('to another start, as long as before')
      .requiredOption('--to <instant>', 'its new start'),
    async (context, reservationId: string, { to }: { to: string }) => {
      const { start: from, end: until, version } = await current(context, reservationId)
      const start = parseInstant(to, '--to', context.terminal.now())
      const end = new Date(Date.parse(start) + Date.parse(until) - Date.parse(from)).toISOString()
      const asked = { params: { reservationId }, body: { start, end } }
      showReservation(context, valueOf(context, await context.client.amendReservation(asked, { ifMatch: version })))
    },
  )
  verb(
    reservation.command('transfer <reservationId> <holder>').description('hand it to somebody else'),
    async (context, reservationId: string, holder: string) => {
      const asked = { params: { reservationId }, body: { holder } }
      showReservation(context, valueOf(context, await context.client.transferReservation(asked)))
    },
  )
}

const current = async (context: Context, reservationId: string): Promise<Reservation> =>
  valueOf(context, await context.client.getReservation({ params: { reservationId }, query: { consistent: true } }))

/** `direction` 1: later, -1: earlier. Based on the version that was read, so that two who do it at once don't add up. */
const resized = async (
  context: Context,
  reservationId: string,
  { by, until }: By,
  direction: 1 | -1,
): Promise<Reservation> => {
  if ((by === undefined) === (until === undefined)) throw exit(exits.usage, 'give either --by or --until')
  const before = await current(context, reservationId)
  const endMs = Date.parse(before.end)
  const newMs =
    by === undefined ? Date.parse(parseInstant(until ?? '', '--until', context.terminal.now())) : endMs + direction * by
  if (Number.isNaN(new Date(newMs).getTime())) throw exit(exits.usage, '--by: at most 90 days')
  if (Math.sign(newMs - endMs) !== direction)
    throw exit(
      exits.usage,
      `it ends at ${before.end}: ${direction === 1 ? 'shorten' : 'extend'} moves that the other way`,
    )
  const asked = { params: { reservationId }, body: { end: new Date(newMs).toISOString() } }
  return valueOf(context, await context.client.amendReservation(asked, { ifMatch: before.version }))
}

const ending = (reservation: Command, verb: Verb): void => {
  const verbs = [
    { name: 'check-in', description: 'say that you are there', operation: 'checkInReservation' },
    { name: 'release', description: 'give it back before its end', operation: 'releaseReservation' },
    { name: 'cancel', description: 'give it back before its start', operation: 'cancelReservation' },
  ] as const
  for (const { name, description, operation } of verbs)
    verb(
      reservation.command(`${name} <reservationId>`).description(description),
      async (context, reservationId: string) => {
        showReservation(context, valueOf(context, await context.client[operation]({ params: { reservationId } })))
      },
    )
}

export const showReservation = (context: Context, reservation: Reservation): void =>
  print(context, reservation, () => {
    const { terminal } = context
    const at = (instant: string | undefined): string => shownInstant(instant, terminal.now())
    const { start, end, checkInWithinMs } = reservation
    const waitsForCheckIn = checkInWithinMs > 0 && reservation.checkedInAt === undefined
    return facts(terminal, {
      reservation: reservation.reservationId,
      status: status(terminal, reservation.status),
      benches: reservation.benchIds.join(', '),
      window: `${at(start)} – ${at(end)} (${shownDuration(Date.parse(end) - Date.parse(start))})`,
      holder: plain(reservation.holder),
      purpose: plain(reservation.purpose ?? ''),
      priority: reservation.priority,
      'latest start': at(reservation.latestStart),
      'check in': waitsForCheckIn
        ? `within ${shownDuration(checkInWithinMs)} of its start`
        : at(reservation.checkedInAt),
      version: reservation.version,
    })
  })

const reservationTable = ({ terminal }: Context, reservations: readonly Reservation[]): string => {
  const at = (instant: string): string => shownInstant(instant, terminal.now())
  const rows = reservations.map((one) => [
    one.reservationId,
    status(terminal, one.status),
    one.benchIds.join(', '),
    at(one.start),
    at(one.end),
    plain(one.holder),
  ])
  return rows.length === 0
    ? 'no reservations'
    : table(terminal, ['reservation', 'status', 'benches', 'from', 'to', 'holder'], rows)
}

const explained = ({ terminal }: Context, why: ValueOf<'explainReservation'>): string => {
  const counts = Object.entries(why.exclusionCounts).map(([reason, count]) => `${count} × ${plain(reason)}`)
  const named = why.candidates.length < why.candidateCount ? `, first ${why.candidates.length}` : ''
  const rows = (why.blockedBy ?? []).map((one) => [
    one.benchId,
    one.reservationId,
    shownInstant(one.heldUntil, terminal.now()),
  ])
  const lines = facts(terminal, {
    rule: why.rule,
    candidates: `${why.candidates.join(', ')} (${why.candidateCount}${named})`,
    excluded: counts.join(', '),
    ...Object.fromEntries(why.exclusions.map(({ benchId, reason }) => [`  ${benchId}`, plain(reason)])),
    position: why.position,
  })
  return rows.length === 0 ? lines : `${lines}\n\n${table(terminal, ['waits for', 'reservation', 'held until'], rows)}`
}
