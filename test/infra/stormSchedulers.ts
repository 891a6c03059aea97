/** Those who want things of the lab: schedulers, an operator, and time, which passes. */
import { setTimeout } from 'node:timers/promises'
import type { ReservationState } from '../../domain/reservation/state.ts'
import { benches, chance, minuteMs, type Storm, send, some, stateIn } from './storm.ts'

const book = async (storm: Storm): Promise<void> => {
  const { dice, made, time } = storm
  const id = `r${made.bookings++}`
  const byQuery = chance(storm, 0.4)
  const wanted = byQuery
    ? [{ query: ['can'] }]
    : some(storm, benches, dice.pick([1, 1, 2, 3])).map((benchId) => ({ benchId }))
  const outcome = await send(storm, 'reservation', id, 'RequestReservation', {
    holder: 'ada',
    benches: wanted,
    start: time.in(dice.pick([0, 0, 0, 5, 20])),
    durationMs: dice.pick([5, 15, 40]) * minuteMs,
    queue: chance(storm, 0.6),
    priority: dice.pick([10, 50, 90]),
    graceMs: dice.pick([0, minuteMs, 3 * minuteMs]),
    checkInWithinMs: dice.pick([0, 5 * minuteMs]),
  })
  if (outcome.kind === 'done') made.reservations.push(id)
}

const changeReservation = (storm: Storm): Promise<unknown> => {
  const { dice, made, time } = storm
  const id = dice.pick(['r0', ...made.reservations.slice(-12)])
  const rarely = chance(storm, 0.2) ? ['CancelReservation', 'ReleaseReservation'] : []
  const type = dice.pick(['CheckInReservation', 'AmendReservation', ...rarely])
  const data = type === 'AmendReservation' ? { end: time.in(dice.pick([1, 10, 30])) } : {}
  return send(storm, 'reservation', id, type, data)
}

/** Mostly one that is active. */
const aReservation = async (storm: Storm): Promise<string> => {
  const { dice, made } = storm
  for (let looks = 0; looks < 6; looks++) {
    const id = dice.pick(['r0', ...made.reservations.slice(-40)])
    if ((await stateIn<ReservationState>(storm, 'reservation', id)).status === 'active') return id
  }
  return dice.pick(['r0', ...made.reservations.slice(-6)])
}

const submit = async (storm: Storm): Promise<void> => {
  const { dice, made } = storm
  const id = `e${made.plans++}`
  const tasks = Array.from({ length: dice.pick([1, 2, 4]) }, (_, n) => ({
    name: `t${n}`,
    run: {},
    needs: Array.from({ length: n }, (_need, m) => `t${m}`).filter(() => chance(storm, 0.3)),
    runs: chance(storm, 0.25) ? 'always' : 'on-success',
    retry: { attemptCountMax: dice.pick([1, 2, 3]), backoffMs: dice.pick([0, 1_000]) },
    relocatable: chance(storm, 0.4),
    timeoutMs: dice.pick([2, 20, 200]) * minuteMs,
  }))
  const reservationId = await aReservation(storm)
  const releaseReservation = chance(storm, 0.3)
  const data = { reservationId, releaseReservation, tasks }
  const outcome = await send(storm, 'execution', id, 'SubmitExecution', data)
  if (outcome.kind === 'done') made.executions.push(id)
}

const changeExecution = (storm: Storm): Promise<unknown> =>
  send(
    storm,
    'execution',
    storm.dice.pick(['e0', ...storm.made.executions.slice(-8)]),
    storm.dice.pick(['CancelExecution', 'RedriveExecution', 'RedriveExecution']),
  )

export const schedule = (storm: Storm): Promise<unknown> =>
  storm.dice.pick([book, book, submit, changeReservation, changeExecution])(storm)

export const operate = (storm: Storm): Promise<unknown> => {
  const { dice } = storm
  const backInService = [
    ['EndMaintenance', {}],
    ['ReturnBenchToService', {}],
  ] as const
  const [type, data] = dice.pick([
    ['StartMaintenance', { reason: 'fan' }],
    ['QuarantineBench', { reason: 'smoke' }],
    ['DescribeBench', { teardownMs: dice.pick([0, minuteMs]), setupMs: dice.pick([0, minuteMs]) }],
    ...backInService,
    ...backInService,
    ...backInService,
    ...backInService,
  ] as const)
  return send(storm, 'bench', dice.pick(benches), type, data)
}

export const passTime = async ({ dice, time, all }: Storm): Promise<void> => {
  time.pass(dice.pick([0, 0.02, 0.1, 0.5, 1.5]))
  all.house.wakeClock()
  await setTimeout(dice.next() * 6)
}
