import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { type Counters, openCounters } from '../counters.ts'
import { openLog } from '../serverLog.ts'
import { metricNamespace } from './metricNames.ts'

/** What every function has: a log, counters, and a handler that tells what it has counted. */
export const openSurroundings = (serviceName: string) => {
  const counters = openCounters()
  const log = openLog('info', false)
  const metrics = new Metrics({ namespace: metricNamespace, serviceName })
  const told = { ...counters }
  return {
    counters,
    log,
    now: () => new Date().toISOString(),
    /** After each call, whatever became of it: what was counted meanwhile goes to CloudWatch, by way of the log. */
    counted:
      <Given extends readonly unknown[], Answer>(handle: (...given: Given) => Promise<Answer>) =>
      async (...given: Given): Promise<Answer> => {
        try {
          return await handle(...given)
        } finally {
          tell(metrics, counters, told)
        }
      },
  }
}
export type Surroundings = ReturnType<typeof openSurroundings>

/** Only what has changed: most calls count one or two things. */
const tell = (metrics: Metrics, counters: Counters, told: Counters): void => {
  for (const name of Object.keys(counters) as (keyof Counters)[]) {
    const more = counters[name] - told[name]
    told[name] = counters[name]
    if (more !== 0) metrics.addMetric(name, MetricUnit.Count, more)
  }
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics()
}
