import { join } from 'node:path'
import type { ValueOf } from '../../adapters/client/operations.ts'
import { allOnline, startAgent } from './agents.ts'
import { demand, repository, type Stage, until } from './stage.ts'

/** A bad day: a test that fails at first, a worker that is killed while it works, and what it says when it is too late. */

const executionId = 'endurance'
const benches = ['--bench', 'scope-mso6-01', '--bench', 'farm-imx8-04']
type Attempt = ValueOf<'getExecution'>['tasks'][number]['attempts'][number]

export const surviveLosses = async (stage: Stage): Promise<void> => {
  await stage.command(['reserve', ...benches, '--for', '30m', '--holder', 'eve', '--id', 'two-benches', '--wait'])
  const plan = ['run', '--reservation', 'two-benches', '--plan', join(repository, 'examples/endurance.yaml')]
  const running = stage.commandBehind([...plan, '--id', executionId, '--release'])
  const lost = await killed(stage)
  await finishedElsewhere(stage, lost)
  const { exitCode } = await running
  demand(exitCode === 0, 'the execution passed all the same')
  await stage.command(['execution', 'show', executionId])
  await reportTooLate(stage, lost)
  stage.say(`\nIts guard has ended what it ran. Its agent comes back, and clears up what its earlier life has left:`)
  startAgent(stage, lost.workerId)
  stage.say(`  all benches were online again after ${await allOnline(stage)} ms`)
}

const attemptsOf = async (stage: Stage, taskName: string): Promise<readonly Attempt[]> => {
  const answer = await stage.client.getExecution({ params: { executionId }, query: { consistent: true } })
  return answer.ok ? (answer.value.tasks.find(({ name }) => name === taskName)?.attempts ?? []) : []
}

/** Waits for the flaky task to pass, then kills the worker that is in the middle of the other. */
const killed = async (stage: Stage): Promise<Attempt> => {
  let handshakes: readonly Attempt[] = []
  let [first] = [] as Attempt[]
  await until('the flaky task has passed, the other runs', async () => {
    handshakes = await attemptsOf(stage, 'handshake')
    ;[first] = await attemptsOf(stage, 'cycles')
    return handshakes.at(-1)?.status === 'passed' && first?.status === 'started'
  })
  const told = handshakes.map(({ attempt, status, reason = '' }) => `attempt ${attempt} ${status} ${reason}`.trimEnd())
  stage.say(`  handshake: ${told.join(', ')}`)
  demand(handshakes.length === 2, 'the flaky task was tried twice')
  if (first === undefined) throw new Error('nothing runs')
  await stage.kill(first.workerId)
  stage.say(`  ${first.workerId} was killed (kill -9) while it ran cycles on ${first.benchId}`)
  return first
}

const finishedElsewhere = async (stage: Stage, lost: Attempt): Promise<void> => {
  let second: Attempt | undefined
  const tookMs = await until('the task is finished elsewhere', async () => {
    second = (await attemptsOf(stage, 'cycles'))[1]
    return second?.status === 'passed'
  })
  demand(second?.workerId !== lost.workerId, 'another worker has finished it')
  stage.say(`  its lease ran out, and ${second?.workerId} finished the task on ${second?.benchId}: after ${tookMs} ms`)
}

/** What the dead would say, had it only been cut off: refused, and kept. */
const reportTooLate = async (stage: Stage, { workerId, epoch, attempt }: Attempt): Promise<void> => {
  const params = { executionId, taskName: 'cycles', attempt }
  const answer = await stage.client.completeAttempt({ params, body: { workerId, epoch, result: { cycles: 1_000 } } })
  const code = answer.ok ? 'accepted' : answer.problem.code
  demand(code === 'stale-epoch', `the late report is refused as stale-epoch: ${code}`)
  stage.say(`\n  ${workerId} reports its attempt now, too late: refused (${code}), and kept as evidence:`)
  const history = await stage.command(['history', 'show', `execution/${executionId}`])
  for (const type of ['TaskRetryScheduled', 'AttemptLost', 'AttemptReportRejected'])
    demand(history.stdout.includes(type), `the history has ${type}`)
}
