import { describe, expect, test } from 'vitest'
import { openCounters } from '../../../infra/counters.ts'
import { synthesised } from './synthesised.ts'

const given = synthesised()
const alarms = given.all('AWS::CloudWatch::Alarm').map(({ Properties }) => Properties)
const names = alarms.map((alarm) => String(alarm['AlarmName']).replace('benchplane-', ''))
const alarmOf = (name: string) => alarms[names.indexOf(name)] ?? {}

describe('somebody is told', () => {
  test('when history is tampered with: one record that is no insert is enough', () => {
    const alarm = alarmOf('tampering')
    expect(alarm).toMatchObject({ Threshold: 0, EvaluationPeriods: 1, ComparisonOperator: 'GreaterThanThreshold' })
    const metrics = (alarm['Metrics'] as { MetricStat?: { Metric: object } }[]).flatMap((each) => each.MetricStat ?? [])
    expect(metrics.map(({ Metric }) => Metric)).toEqual(
      ['project', 'publish'].map((name) => ({
        Namespace: 'benchplane',
        MetricName: 'tamperedRecords',
        Dimensions: [{ Name: 'service', Value: `benchplane-${name}` }],
      })),
    )
  })

  test.each([
    ['a consumer is behind', ['projectAge', 'publishAge']],
    ['there are dead letters', ['lettersWaiting', 'reactLettersWaiting', 'clockLettersWaiting', 'ruleLettersWaiting']],
    ['a commit was put aside', ['deadRecords']],
    ['a table throttles', ['historyThrottles', 'viewsThrottles', 'leasesThrottles']],
    ['commands lose many races', ['conflicts']],
    ['a clock has stopped', ['failedClocks']],
    ['the API fails', ['serverErrors', 'apiErrors']],
    ['nobody declares workers lost', ['sweepStopped', 'frozenSweeps', 'sweepFailures']],
    ['clocks cannot be started', ['armFailures']],
    ['a callback was given up', ['callbacksDead']],
    ['policies do not answer', ['reactionsAge']],
    ['events do not get to the archive', ['archiveAge']],
    [
      'a function fails or has no room',
      ['project', 'publish', 'react', 'tick', 'sweep', 'api'].flatMap((name) => [`${name}Errors`, `${name}Throttles`]),
    ],
  ])('when %s', (_, wanted) => {
    for (const name of wanted) expect(names).toContain(name)
  })

  test('when nothing is counted of what is to happen all the time', () => {
    expect(alarmOf('sweepStopped')).toMatchObject({
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanOrEqualToThreshold',
      Threshold: 0,
    })
    const others = alarms.filter((alarm) => alarm['TreatMissingData'] !== 'notBreaching')
    expect(others).toHaveLength(1)
  })

  test('by every alarm, in words', () => {
    for (const alarm of alarms) {
      expect(alarm['AlarmActions']).toHaveLength(1)
      expect(String(alarm['AlarmDescription']).length).toBeGreaterThan(20)
    }
  })

  test('by a letter to whom the deployment names, if it names anybody', () => {
    expect(given.all('AWS::SNS::Subscription')).toEqual([])
    const told = synthesised({ alarmEmail: 'bench@lab.example' }).all('AWS::SNS::Subscription')
    expect(told.map(({ Properties }) => Properties['Endpoint'] as string)).toEqual(['bench@lab.example'])
  })
})

test('what alarms and the dashboard look at are counters that there are', () => {
  const counters = new Set(Object.keys(openCounters()))
  const [dashboard] = given.all('AWS::CloudWatch::Dashboard')
  const text = JSON.stringify(dashboard?.Properties['DashboardBody']) + JSON.stringify(alarms)
  const own = [...text.matchAll(/benchplane\W+(?:"MetricName\W+)?([a-z]+[A-Z]\w+|conflicts|expirations)/g)]
  expect(own.length).toBeGreaterThan(10)
  for (const [, name = ''] of own)
    if (!/(?:Age|Waiting|Errors|Throttles|Clocks|Stopped)$/.test(name)) expect(counters).toContain(name)
})
