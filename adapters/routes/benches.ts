import { z } from 'zod'
import * as commands from '../../domain/bench/commands.ts'
import { name as benchType, durationMs, instant, queryTerm, slug } from '../../domain/fields.ts'
import { lengthMs } from '../../domain/reservation/commands.ts'
import { Bench, CalendarEntry, items, Opening, page } from './resources.ts'
import { consistent, freshness, limit, listing, type Route } from './route.ts'

const params = z.strictObject({ benchId: slug })
const tag = 'benches'
const command = <Type extends string>(type: Type) => ({ kind: 'bench', type, id: 'benchId' }) as const
const query = z.array(queryTerm).max(32).default([]).meta({ description: 'One term of a capability query each' })

export const benchRoutes = {
  registerBench: {
    tag,
    summary: 'Register a bench; the same again changes nothing',
    body: commands.RegisterBench,
    command: command('RegisterBench'),
    responses: { 201: Bench, 200: Bench },
  },
  listBenches: {
    tag,
    summary: 'List benches by capability query, type, serviceability and connectivity',
    query: listing({
      query,
      type: benchType.optional(),
      serviceability: z.enum(['in-service', 'maintenance', 'quarantined', 'retired']).optional(),
      connectivity: z.enum(['never-connected', 'online', 'suspected', 'lost', 'offline']).optional(),
    }),
    responses: { 200: page(Bench) },
  },
  getBench: { tag, summary: 'One bench', params, query: freshness, responses: { 200: Bench } },
  describeBench: {
    tag,
    summary: 'Change what a bench is said to be; null takes an optional member away',
    params,
    body: commands.DescribeBench,
    command: command('DescribeBench'),
    responses: { 200: Bench },
  },
  startMaintenance: {
    tag,
    summary: 'Take a bench out of service for maintenance',
    params,
    body: commands.StartMaintenance,
    command: command('StartMaintenance'),
    responses: { 200: Bench },
  },
  endMaintenance: {
    tag,
    summary: 'Bring a bench back from maintenance',
    params,
    bodyless: true,
    command: command('EndMaintenance'),
    responses: { 200: Bench },
  },
  quarantineBench: {
    tag,
    summary: 'Quarantine a bench that is not to be trusted',
    params,
    body: commands.QuarantineBench,
    command: command('QuarantineBench'),
    responses: { 200: Bench },
  },
  returnBenchToService: {
    tag,
    summary: 'Return a quarantined bench to service',
    params,
    bodyless: true,
    command: command('ReturnBenchToService'),
    responses: { 200: Bench },
  },
  retireBench: {
    tag,
    summary: 'Retire a bench for good; by force it cancels its reservations',
    params,
    body: commands.RetireBench.prefault({}),
    command: command('RetireBench'),
    responses: { 200: Bench },
  },
  getCalendar: {
    tag,
    summary: 'What holds a bench in a window: now to 30 days on by default',
    params,
    query: z.strictObject({ from: instant.optional(), to: instant.optional(), consistent }),
    responses: { 200: items(CalendarEntry) },
  },
  findAvailability: {
    tag,
    summary: 'When benches are free for so long, the soonest first: within 7 days from now by default',
    query: z.strictObject({
      query,
      type: benchType.optional(),
      durationMs: durationMs(lengthMs.min, lengthMs.max).default(3_600_000),
      from: instant.optional(),
      to: instant.optional(),
      limit,
    }),
    responses: { 200: items(Opening) },
  },
} as const satisfies Record<string, Route>
