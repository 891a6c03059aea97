import { Counter as Count, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { House } from './house.ts'

export interface Metrics {
  /** One answered request. */
  observe(operation: string, status: number, seconds: number): void
  /** One problem told, by its code. */
  problem(code: string): void
  text(): Promise<string>
  contentType: string
}

/** From a tenth of a millisecond, which a cached read takes, to a long poll. */
const buckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What Prometheus is told: durations by operation, problems by code, what the house counts, and how the process is. */
export const createMetrics = ({ counters }: Pick<House, 'counters'>): Metrics => {
  const registry = new Registry()
  const registers = [registry]
  const durations = new Histogram({
    name: 'benchplane_http_request_duration_seconds',
    help: 'Time from the request to its answer',
    labelNames: ['operation', 'status'],
    buckets,
    registers,
  })
  const problems = new Count({
    name: 'benchplane_http_problems_total',
    help: 'Problems told, by code',
    labelNames: ['code'],
    registers,
  })
  const known = new Map<string, Gauge | Count>()
  let isWatching = false

  /** The house counts for itself: its numbers are taken as they are. */
  const take = (): void => {
    for (const { name, help, kind, value } of counters()) {
      const metric = known.get(name) ?? new (kind === 'gauge' ? Gauge : Count)({ name, help, registers })
      known.set(name, metric)
      metric.reset()
      metric.inc(value)
    }
  }

  return {
    observe: (operation, status, seconds) => durations.observe({ operation, status }, seconds),
    problem: (code) => problems.inc({ code }),
    text: () => {
      if (!isWatching) collectDefaultMetrics({ register: registry })
      isWatching = true
      take()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
