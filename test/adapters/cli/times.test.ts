import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { durationOf, parseDuration, parseInstant, shownDuration, shownInstant } from '../../../adapters/cli/times.ts'

beforeEach(() => vi.stubEnv('TZ', 'Europe/Berlin'))
afterEach(() => vi.unstubAllEnvs())

const now = new Date('2026-03-01T09:00:00.000Z')

describe('a duration', () => {
  test.each([
    ['2h', 7_200_000],
    ['90m', 5_400_000],
    ['1h30m', 5_400_000],
    ['45s', 45_000],
    ['2d', 172_800_000],
    ['1.5h', 5_400_000],
    ['500ms', 500],
    ['1h0.5s', 3_600_500],
    ['0s', 0],
  ])('%s', (text, ms) => {
    expect(durationOf(text)).toBe(ms)
  })

  test.each(['', '5', 'h', '-2h', '30m1h', '2 h', '1h1h', '2H', '1e3s', 'NaN', '2h;', `${'9'.repeat(400)}d`])(
    '%j is none',
    (text) => {
      expect(durationOf(text)).toBeUndefined()
      expect(() => parseDuration(text, '--for')).toThrow(/^--for: .* is not a duration such as 2h/)
    },
  )

  test('that is shown can be typed in again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        const again = durationOf(shownDuration(ms))
        expect(again).toBeDefined()
        expect(Math.abs((again ?? 0) - ms)).toBeLessThanOrEqual(Math.max(50, ms * 0.05))
      }),
    )
  })
})

describe('an instant', () => {
  test.each([
    ['now', '2026-03-01T09:00:00.000Z'],
    ['2026-05-01T09:00:00Z', '2026-05-01T09:00:00.000Z'],
    ['2026-05-01T09:00+02:00', '2026-05-01T07:00:00.000Z'],
    ['2026-05-01T09:00:00.123456-07:00', '2026-05-01T16:00:00.123Z'],
    ['+2h', '2026-03-01T11:00:00.000Z'],
    ['-30m', '2026-03-01T08:30:00.000Z'],
    ['18:30', '2026-03-01T17:30:00.000Z'],
    ['9:59', '2026-03-02T08:59:00.000Z'],
    ['10:00', '2026-03-01T09:00:00.000Z'],
    ['23:59:30', '2026-03-01T22:59:30.000Z'],
  ])('%s', (text, instant) => {
    expect(parseInstant(text, '--at', now)).toBe(instant)
  })

  test('of tomorrow keeps the clock when summer time begins in between', () => {
    expect(parseInstant('02:30', '--at', new Date('2026-03-28T12:00:00Z'))).toBe('2026-03-29T01:30:00.000Z')
    expect(parseInstant('08:00', '--at', new Date('2026-03-28T12:00:00Z'))).toBe('2026-03-29T06:00:00.000Z')
  })

  test.each([
    '',
    '2026-05-01T09:00:00',
    '2026-05-01',
    '24:00',
    '12:60',
    'tomorrow',
    '+',
    '+2',
    '2026-13-01T00:00:00Z',
    '1',
  ])('%j is none', (text) => {
    expect(() => parseInstant(text, '--at', now)).toThrow(/^--at: .* is not an instant such as/)
  })

  test('is shown as local time, with its day when it is another', () => {
    expect(shownInstant('2026-03-01T17:30:00.000Z', now)).toBe('18:30:00')
    expect(shownInstant('2026-03-01T23:30:00.000Z', now)).toBe('2026-03-02 00:30:00')
    expect(shownInstant(undefined, now)).toBe('')
  })
})
