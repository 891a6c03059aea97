import type { Command } from 'commander'
import type { ValueOf } from '../client/operations.ts'
import { type Context, listOf, pairs, print, type Verb, valueOf } from './context.ts'
import { exit, exits } from './exits.ts'
import { duration, given, limit, pair, several } from './options.ts'
import { plain } from './plain.ts'
import { facts, status, table } from './show.ts'
import { parseInstant, shownDuration, shownInstant } from './times.ts'

type Bench = ValueOf<'getBench'>

export const declare = (bench: Command, verb: Verb): void => {
  describing(bench, verb)
  looking(bench, verb)
  servicing(bench, verb)
}

interface Description {
  type?: string
  name?: string
  capability?: readonly string[]
  location?: string
  setup?: number
  teardown?: number
  label?: Readonly<Record<string, string>>
}

const described = (command: Command): Command =>
  command
    .option('--name <name>', 'what people call it')
    .option('--capability <capability>', 'can-fd, ecu=abs-9.3, psu.channels=4, …; repeat it', several)
    .option('--location <location>', 'where it stands')
    .option('--setup <duration>', 'held before each reservation', duration)
    .option('--teardown <duration>', 'held after each reservation', duration)
    .option('--label <name=value>', 'for people and scripts; repeat it', pair)

const bodyOf = ({ type, name, capability, location, setup, teardown, label }: Description) =>
  given({
    type,
    name,
    location,
    capabilities: capability === undefined ? undefined : [...capability],
    setupMs: setup,
    teardownMs: teardown,
    labels: label,
  })

const describing = (bench: Command, verb: Verb): void => {
  verb(
    described(
      bench.command('register <benchId>').description('add a bench').requiredOption('--type <type>', 'its type'),
    ),
    async (context, benchId: string, { type = '', ...options }: Description) => {
      const body = { benchId, ...bodyOf(options), type }
      show(context, valueOf(context, await context.client.registerBench({ body })))
    },
  )
  verb(
    described(
      bench
        .command('describe <benchId>')
        .description('change what it is said to be')
        .option('--type <type>', 'its type'),
    ),
    async (context, benchId: string, options: Description) => {
      show(
        context,
        valueOf(context, await context.client.describeBench({ params: { benchId }, body: bodyOf(options) })),
      )
    },
  )
}

interface ListOptions {
  type?: string
  serviceability?: 'in-service'
  connectivity?: 'online'
  limit: number
}
interface FreeOptions {
  type?: string
  for: number
  from?: string
  to?: string
  limit: number
}

const looking = (bench: Command, verb: Verb): void => {
  verb(
    bench
      .command('list [query...]')
      .description('benches that satisfy every term: can-fd "psu.channels>=2" "!flaky"')
      .option('--type <type>', 'of this type')
      .option('--serviceability <status>', 'in-service, maintenance, quarantined or retired')
      .option('--connectivity <status>', 'never-connected, online, suspected, lost or offline')
      .option('--limit <count>', 'at most so many', limit, 200),
    async (context, query: string[], { limit: count, ...filters }: ListOptions) => {
      const { type, serviceability, connectivity } = filters
      const asked = given({ query, type, serviceability, connectivity })
      const benches = await listOf(context, count, (page) =>
        context.client.listBenches({ query: { ...asked, ...page } }),
      )
      print(context, benches, () => benchTable(context, benches))
    },
  )
  verb(bench.command('show <benchId>').description('one bench'), async (context, benchId: string) => {
    show(context, valueOf(context, await context.client.getBench({ params: { benchId } })))
  })
  verb(
    bench
      .command('calendar <benchId>')
      .description('what holds it')
      .option('--from <instant>', 'default: now')
      .option('--to <instant>', 'default: 30 days on'),
    async (context, benchId: string, { from, to }: { from?: string; to?: string }) => {
      const query = windowOf(context, from, to)
      const { items } = valueOf(context, await context.client.getCalendar({ params: { benchId }, query }))
      print(context, items, () => calendarTable(context, items))
    },
  )
  verb(
    bench
      .command('free [query...]')
      .description('when benches are free, the soonest first')
      .requiredOption('--for <duration>', 'for so long', duration)
      .option('--type <type>', 'of this type')
      .option('--from <instant>', 'default: now')
      .option('--to <instant>', 'default: 7 days on')
      .option('--limit <count>', 'at most so many', limit, 50),
    async (context, query: string[], options: FreeOptions) => {
      const asked = {
        query,
        durationMs: options.for,
        limit: Math.min(500, options.limit),
        ...given({ type: options.type }),
      }
      const window = windowOf(context, options.from, options.to)
      const { items } = valueOf(context, await context.client.findAvailability({ query: { ...asked, ...window } }))
      const now = context.terminal.now()
      const rows = items.map(({ benchId, start, end }) => [benchId, shownInstant(start, now), shownInstant(end, now)])
      print(context, items, () => table(context.terminal, ['bench', 'from', 'to'], rows))
    },
  )
}

const windowOf = ({ terminal }: Context, from: string | undefined, to: string | undefined) => {
  const now = terminal.now()
  return given({
    from: from === undefined ? undefined : parseInstant(from, '--from', now),
    to: to === undefined ? undefined : parseInstant(to, '--to', now),
  })
}

const servicing = (bench: Command, verb: Verb): void => {
  const because = (command: Command): Command =>
    command.requiredOption('--reason <text>', 'why, for whoever wants to book it')
  verb(
    because(bench.command('maintain <benchId>').description('take it out of service for maintenance')),
    async (context, benchId: string, { reason }: { reason: string }) => {
      show(context, valueOf(context, await context.client.startMaintenance({ params: { benchId }, body: { reason } })))
    },
  )
  verb(
    because(
      bench.command('quarantine <benchId>').description('take it out of service: its results are not to be trusted'),
    ),
    async (context, benchId: string, { reason }: { reason: string }) => {
      show(context, valueOf(context, await context.client.quarantineBench({ params: { benchId }, body: { reason } })))
    },
  )
  verb(
    bench.command('return <benchId>').description('bring it back from maintenance or quarantine'),
    async (context, benchId: string) => show(context, await returned(context, benchId)),
  )
  verb(
    bench
      .command('retire <benchId>')
      .description('take it out of service for ever')
      .option('--force', 'cancel the reservations that hold it', false),
    async (context, benchId: string, { force }: { force: boolean }) => {
      show(context, valueOf(context, await context.client.retireBench({ params: { benchId }, body: { force } })))
    },
  )
}

/** Out of whichever it is in. What is in service already stays so. */
export const returned = async (context: Context, benchId: string): Promise<Bench> => {
  const { client } = context
  const params = { benchId }
  const bench = valueOf(context, await client.getBench({ params, query: { consistent: true } }))
  if (bench.serviceability === 'retired') throw exit(exits.refused, `bench ${plain(benchId)} is retired, for ever`)
  if (bench.serviceability === 'in-service') return bench
  const operation = bench.serviceability === 'maintenance' ? client.endMaintenance : client.returnBenchToService
  return valueOf(context, await operation({ params }))
}

const served = ({ workerId, epoch }: Bench): string => (workerId === undefined ? '' : `${workerId}, session ${epoch}`)

const show = (context: Context, bench: Bench): void =>
  print(context, bench, () =>
    facts(context.terminal, {
      bench: bench.benchId,
      name: plain(bench.name ?? ''),
      type: plain(bench.type),
      serviceability: status(context.terminal, bench.serviceability),
      connectivity: status(context.terminal, bench.connectivity),
      occupancy: status(context.terminal, bench.occupancy),
      'served by': served(bench),
      'last heartbeat': shownInstant(bench.lastHeartbeatAt, context.terminal.now()),
      capabilities: plain(bench.capabilities.join(', ')),
      location: plain(bench.location ?? ''),
      setup: bench.setupMs === 0 ? '' : shownDuration(bench.setupMs),
      teardown: bench.teardownMs === 0 ? '' : shownDuration(bench.teardownMs),
      labels: pairs(bench.labels),
      version: bench.version,
    }),
  )

const benchTable = ({ terminal }: Context, benches: readonly Bench[]): string =>
  benches.length === 0
    ? 'no benches'
    : table(
        terminal,
        ['bench', 'type', 'serviceability', 'connectivity', 'occupancy', 'capabilities'],
        benches.map((bench) => [
          bench.benchId,
          plain(bench.type),
          status(terminal, bench.serviceability),
          status(terminal, bench.connectivity),
          status(terminal, bench.occupancy),
          plain(bench.capabilities.join(', ')),
        ]),
      )

const calendarTable = ({ terminal }: Context, items: ValueOf<'getCalendar'>['items']): string => {
  const at = (instant: string): string => shownInstant(instant, terminal.now())
  const rows = items.map((item) => [
    at(item.start),
    at(item.end),
    at(item.heldUntil),
    plain(item.holder),
    item.reservationId,
  ])
  return items.length === 0 ? 'free' : table(terminal, ['from', 'to', 'held until', 'holder', 'reservation'], rows)
}
