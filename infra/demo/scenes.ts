import { join } from 'node:path'
import { demand, repository as root, type Stage, taken, until } from './stage.ts'

/** What is shown, scene by scene: each does something real and fails unless it did what it says. */

export const declareLab = async (stage: Stage): Promise<void> => {
  await stage.command(['apply', '-f', join(root, 'examples/lab.yaml')])
  const again = await stage.command(['apply', '-f', join(root, 'examples/lab.yaml')])
  demand(again.stdout.includes('0 registered, 0 changed'), 'the same file again changes nothing')
}

export const book = async (stage: Stage): Promise<void> => {
  stage.say('By its id:')
  await stage.command(['reserve', 'sil-01', '--for', '30m', '--holder', 'ada', '--id', 'by-id'])
  stage.say('\nBy what it can do; the one that is in maintenance is not considered:')
  await stage.command(['reserve', 'can-fd', 'power-switch', '--for', '30m', '--holder', 'ben'], { exitCode: 3 })
  await stage.command(['reserve', 'cpu.cores>=16', 'gpu=none', '--for', '30m', '--holder', 'ben', '--id', 'by-query'])
  const byQuery = taken(
    await stage.client.getReservation({ params: { reservationId: 'by-query' }, query: { consistent: true } }),
  )
  demand(byQuery.benchIds.join() === 'sil-02', 'sil-01 is taken, so the query finds sil-02')
  await stage.command(['reservation', 'why', 'by-query'])
  stage.say('\nA gang: both or none.')
  await stage.command([
    'reserve',
    '--query',
    'soc=imx8mp, jtag',
    '--bench',
    'sil-gpu-01',
    '--for',
    '30m',
    '--holder',
    'cleo',
    '--id',
    'gang',
  ])
  const gang = taken(
    await stage.client.getReservation({ params: { reservationId: 'gang' }, query: { consistent: true } }),
  )
  demand(gang.benchIds.join() === 'farm-imx8-03,sil-gpu-01', 'the gang has both')
}

export const refuseAndQueue = async (stage: Stage): Promise<void> => {
  stage.say('What is taken is refused, with what is in the way and what is free instead:')
  const refused = await stage.command(['reserve', 'sil-01', '--for', '1h', '--holder', 'dora'], { exitCode: 3 })
  demand(/free: +sil-01/.test(refused.stderr), 'the refusal comes with offers')
  stage.say('\nOr it waits, with a promised start; whoever gives up theirs lets it move forward:')
  const asked = ['reserve', 'sil-01', '--for', '10m', '--holder', 'dora', '--id', 'queued', '--queue', '--wait']
  const waiting = stage.commandBehind(asked)
  await until('the reservation is queued', async () => {
    const answer = await stage.client.getReservation({
      params: { reservationId: 'queued' },
      query: { consistent: true },
    })
    return answer.ok && answer.value.status === 'queued'
  })
  await stage.command(['reservation', 'why', 'queued'])
  await stage.command(['reservation', 'release', 'by-id'])
  const { exitCode, stdout } = await waiting
  stage.say(`The one that waited has returned:`)
  for (const line of stdout.trimEnd().split('\n')) stage.say(`  ${line}`)
  demand(exitCode === 0, 'the queued reservation became active')
  const { items } = taken(await stage.client.listHistory({ params: { kind: 'reservation', id: 'queued' } }))
  const released = taken(await stage.client.listHistory({ params: { kind: 'reservation', id: 'by-id' } })).items.at(-1)
  const activated = items.find(({ type }) => type === 'ReservationActivated')
  demand(released !== undefined && activated !== undefined, 'both are in the history')
  const tookMs = Date.parse(activated?.at ?? '') - Date.parse(released?.at ?? '')
  stage.say(`  active ${tookMs} ms after the other was released, as the history has it`)
}

export const execute = async (stage: Stage): Promise<void> => {
  const booking = [
    'reserve',
    'hydraulics',
    'psu.channels>=4',
    '--for',
    '30m',
    '--holder',
    'ada',
    '--id',
    'for-the-run',
    '--wait',
  ]
  await stage.command(booking)
  const plan = ['run', '--reservation', 'for-the-run', '--plan', join(root, 'examples/plan.yaml')]
  const ran = await stage.command([...plan, '--commit', '4f2a91c', '--id', 'smoke', '--release', '--follow'])
  for (const said of ['calibration: written and read back', 'stops after 50.3 m', 'CAN 1:', 'the report'])
    demand(ran.stdout.includes(said), `the log has "${said}"`)
  await until('the reservation was given back', async () => {
    const answer = await stage.client.getReservation({
      params: { reservationId: 'for-the-run' },
      query: { consistent: true },
    })
    return answer.ok && answer.value.status === 'released'
  })
  stage.say('  the reservation was given back by itself')
}

export const replay = async (stage: Stage): Promise<void> => {
  await stage.command(['history', 'show', 'reservation/queued'])
  stage.say('\nWhat it was when it was asked for, and what has become of it:')
  const params = { kind: 'reservation', id: 'queued' } as const
  const then = taken(await stage.client.getStateAsOf({ params, query: { version: 1 } }))
  demand((then.state as { status: string }).status === 'queued', 'at version 1 it was queued')
  const difference = await stage.command(['history', 'diff', 'reservation/queued', '--from', '1'])
  demand(difference.stdout.includes('queued → active'), 'the difference shows that it became active')
  stage.say('\nEvery commit carries the hash of the one before:')
  await stage.command(['history', 'verify'])
}
