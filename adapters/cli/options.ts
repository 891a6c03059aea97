import { InvalidArgumentError } from 'commander'
import { durationOf } from './times.ts'

/** What options and operands are read with; what they refuse is a usage error that names the option. */

export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`)
  }

export const limit = wholeNumber(1, 100_000)
export const version = wholeNumber(1, Number.MAX_SAFE_INTEGER)

export const duration = (text: string): number => {
  const ms = durationOf(text)
  if (ms === undefined) throw new InvalidArgumentError('It is a duration such as 2h, 90m, 1h30m or 45s.')
  return ms
}

/** An option that is given several times. */
export const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]

/** `name=value`, given several times. */
export const pair = (text: string, before: Record<string, string> = {}): Record<string, string> => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It is name=value.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

export interface StreamAddress {
  kind: 'bench' | 'reservation' | 'execution' | 'worker' | 'message'
  id: string
}

const kinds: readonly string[] = [
  'bench',
  'reservation',
  'execution',
  'worker',
  'message',
] satisfies StreamAddress['kind'][]

/** `bench/hil-01`. */
export const stream = (text: string): StreamAddress => {
  const [kind = '', id = '', ...rest] = text.split('/')
  if (kinds.includes(kind) && id !== '' && rest.length === 0) return { kind: kind as StreamAddress['kind'], id }
  throw new InvalidArgumentError(`It is {kind}/{id}, with one of ${kinds.join(', ')}.`)
}

/** Members that have a value: what was not given is not sent. */
export const given = <Members extends object>(
  members: Members,
): { [Name in keyof Members]?: Exclude<Members[Name], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Members]?: Exclude<Members[Name], undefined>
  }
