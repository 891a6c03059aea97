import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from '../programs.ts'
import { shareHouse } from './sharedHouse.ts'

/** The verbs for benches and bookings, one after the other on one server, for programs (--json) and for people. */
const { house, shown, json } = shareHouse()

test('bench register, describe, list and show', async () => {
  const described = "--capability can-fd --capability psu.channels=4 --setup 0s --label 'owner=ada l.'"
  const registered = { capabilities: ['can-fd', 'psu.channels=4'], labels: { owner: 'ada l.' }, version: 1 }
  expect(await json(`bench register b1 --type hil ${described}`)).toMatchObject({ benchId: 'b1', ...registered })
  await shown("bench register b2 --type sil --name 'Node 2'")
  const changed = { location: 'B2', teardownMs: 90_000, name: 'Node 2' }
  expect(await json('bench describe b2 --location B2 --teardown 1m30s')).toMatchObject(changed)
  expect(await json("bench list can-fd 'psu.channels>=2'")).toMatchObject([{ benchId: 'b1' }])
  expect(await json('bench list --type sil --serviceability in-service')).toMatchObject([{ benchId: 'b2' }])
  expect(await shown('bench list')).toMatch(/^BENCH +TYPE +SERVICEABILITY.*\nb1 +hil +in-service/)
  expect(await shown('bench show b2')).toMatch(/^bench +b2\nname +Node 2\n/)
})

test('bench maintain, quarantine, return and retire', async () => {
  expect(await json("bench maintain b2 --reason 'new cable'")).toMatchObject({ serviceability: 'maintenance' })
  expect(await json('bench return b2')).toMatchObject({ serviceability: 'in-service' })
  expect(await json("bench quarantine b2 --reason 'strange results'")).toMatchObject({ serviceability: 'quarantined' })
  expect(await shown('bench return b2')).toContain('in-service')
  expect(await json('bench return b2')).toMatchObject({ serviceability: 'in-service' })
  await json('bench register gone --type hil')
  expect(await json('bench retire gone --force')).toMatchObject({ serviceability: 'retired' })
  expect((await house().benchplane('bench', 'return', 'gone')).code).toBe(3)
})

test('bench free and calendar', async () => {
  expect(await json('bench free can-fd --for 2h')).toMatchObject([{ benchId: 'b1' }])
  expect(await shown('bench free --for 2h --type hil --to +1d')).toMatch(/b1 +\d/)
  expect(await shown('bench calendar b1')).toBe('free\n')
  expect(await json('bench calendar b1 --from now --to +2h')).toEqual([])
})

test('apply', async () => {
  const lab = join(house().directory, 'lab.yaml')
  const b3 = (setup: string, more = '') =>
    `  - { benchId: b3, type: hil, setup: ${setup}, labels: { slot: 3 }${more} }\n`
  writeFileSync(lab, `benches:\n${b3('5s')}  - { benchId: b4, type: hil }\n`)
  expect(await json(`apply -f ${lab} --dry-run`)).toMatchObject({
    applied: false,
    registered: 2,
    missing: ['b1', 'b2'],
  })
  const first = /\+ bench b3\n\+ bench b4\n\? bench b1: not in the file\n(.*\n)*2 registered, .*2 not in the file\n$/
  expect(await shown(`apply -f ${lab}`)).toMatch(first)
  expect(await json(`apply -f ${lab}`)).toMatchObject({ applied: true, registered: 0, unchanged: 2, changes: [] })
  writeFileSync(lab, `benches:\n${b3('6s', ', serviceability: maintenance, reason: new')}`)
  const second = /~ bench b3\n +setupMs: 5000 → 6000\n~ bench b3\n +serviceability: in-service → maintenance\n/
  expect(await shown(`apply -f ${lab}`)).toMatch(second)
  const b1 = '{ benchId: b1, type: hil, capabilities: [can-fd, psu.channels=4], labels: { owner: ada l. } }'
  const b2 = '{ benchId: b2, type: sil, name: Node 2, location: B2, teardown: 90s }'
  writeFileSync(lab, `benches: [${b1}, ${b2}]`)
  const empty = join(house().directory, 'empty.yaml')
  writeFileSync(empty, '')
  expect(await house().benchplane('apply', '-f', empty, '--retire-missing')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('names no bench'),
  })
  expect(await json(`apply -f ${lab} --retire-missing`)).toMatchObject({ retired: 2, unchanged: 2 })
  expect(await json('bench show b4')).toMatchObject({ serviceability: 'retired' })
  const example = join(repository, 'examples/lab.yaml')
  expect(await json(`apply -f ${example}`)).toMatchObject({ registered: 10, enrolled: 3, failures: [] })
})

test('reserve: a bench, a query, a gang, now or later', async () => {
  const booked = await json("reserve b1 --for 1h --holder ada --id R1 --purpose 'a try' --wait")
  const asked = { reservationId: 'R1', holder: 'ada', benchIds: ['b1'], purpose: 'a try' }
  expect(booked).toMatchObject({ status: 'active', ...asked })
  const queued = await json('reserve b1 --for 30m --queue --id R2 --priority 70 --grace 5s --check-in-within 0s')
  expect(queued).toMatchObject({ status: 'queued', priority: 70, graceMs: 5_000, checkInWithinMs: 0 })
  const later = await json("reserve can-fd 'psu.channels>=4' --at +3h --until +4h --id R3")
  expect(later).toMatchObject({ status: 'confirmed', benches: [{ query: ['can-fd', 'psu.channels>=4'] }] })
  const gang = await json("reserve --query 'soc=imx8mp, jtag' --bench sil-01 --for 1h --at +1d --id R4")
  expect(gang).toMatchObject({ benchIds: ['farm-imx8-03', 'sil-01'] })
})

test('reservation list, show and why', async () => {
  expect(await json('reservation list --holder ada')).toMatchObject([{ reservationId: 'R1' }])
  expect(await shown('reservation list --bench b1')).toMatch(/R1 +active +b1 /)
  expect(await shown('reservation show R1')).toMatch(/window .* \(1h\)\n/)
  expect(await json('reservation why R2')).toMatchObject({ position: 1, blockedBy: [{ reservationId: 'R1' }] })
  expect(await shown('reservation why R3')).toMatch(/^rule +by-query\n/)
  expect(await shown('bench calendar b1')).toMatch(/ada +R1\n/)
})

test('reservation cancel, shorten, extend, move, check-in, transfer and release', async () => {
  const { end: before } = await json<{ end: string }>('reservation show R1')
  expect(await json('reservation cancel R2')).toMatchObject({ status: 'cancelled' })
  const { end } = await json<{ end: string }>('reservation shorten R1 --by 10m')
  expect(Date.parse(before) - Date.parse(end)).toBe(600_000)
  expect(await json(`reservation extend R1 --until ${before}`)).toMatchObject({ end: before })
  expect((await house().benchplane('reservation', 'extend', 'R1', '--until', end)).code).toBe(2)
  expect(await json('reservation check-in R1')).toMatchObject({ checkedInAt: expect.any(String) })
  expect(await json('reservation transfer R1 ben')).toMatchObject({ holder: 'ben' })
  const moved = await json<{ start: string; end: string }>('reservation move R3 --to +5h')
  expect(Date.parse(moved.end) - Date.parse(moved.start)).toBe(3_600_000)
  expect(await json('reservation release R1')).toMatchObject({ status: 'released' })
  expect(await shown('reservation cancel R3')).toContain('cancelled')
})
