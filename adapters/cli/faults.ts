import { shownDuration } from './times.ts'

/** Faults of a request as who typed it knows them: by the option or the name in their file, in the units they write. */

export interface Fault {
  path: string
  message: string
}

/** How a member is called where it was typed. */
export type NameOf = (path: string) => string

/** Members that become of options with another name. */
const optionsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['durationMs', ['--for']],
  ['start', ['--at', '--to']],
  ['end', ['--until', '--by']],
  ['callback.url', ['--callback']],
  ['capabilities', ['--capability']],
  ['commitSha', ['--commit']],
  ['executionId', ['--id']],
  ['labels', ['--label']],
  ['parameters', ['--parameter']],
  ['reservationId', ['--reservation', '--id']],
])

/** By the options that were given: `--for` for durationMs, `--check-in-within` for checkInWithinMs. */
export const nameFrom =
  (given: readonly string[]): NameOf =>
  (path) => {
    const [member = ''] = path.split('.')
    const own = `--${member.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const options = [...(optionsOf.get(path) ?? []), ...(optionsOf.get(member) ?? []), own]
    return options.find((option) => given.includes(option)) ?? path
  }

export const asTyped = ({ path, message }: Fault, nameOf: NameOf): Fault => ({
  path: nameOf(path),
  message: inWords(path, message),
})

type Words = (path: string, parts: readonly string[]) => string

/** What a schema says of a value, and how people say it. */
const wordings: readonly [RegExp, Words][] = [
  [
    /^Too (big|small): expected (?:number|int) to be [<>]=?(\d+)$/,
    (path, [size, limit]) => `at ${size === 'big' ? 'most' : 'least'} ${quantity(path, Number(limit))}`,
  ],
  [
    /^Too (big|small): expected \w+ to have [<>]=?(\d+) (\w+)$/,
    (_, [size, limit, what]) => `at ${size === 'big' ? 'most' : 'least'} ${limit} ${what}`,
  ],
  [/^Invalid input: expected \w+, received undefined$/, () => 'is missing'],
  [
    /^Invalid input: expected (\w+), received (\w+)$/,
    (_, [wanted = '', found = '']) =>
      wanted === 'int' ? 'a whole number' : `${kinds[wanted] ?? wanted}, not ${kinds[found] ?? found}`,
  ],
  [
    /^Invalid option: expected one of (.+)$/,
    (_, [options = '']) => `one of ${options.replaceAll('"', '').replaceAll('|', ', ')}`,
  ],
]

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
}

/** Members whose limits alone would not say what they are. */
const meanings: ReadonlyMap<string, string> = new Map([
  ['tasks', 'a plan has 1 to 1 000 tasks'],
  ['tasks.*.bench', "an index into the reservation's benches: 0 for the first, 1 for the second, … at most 15"],
])

const inWords = (path: string, message: string): string => {
  for (const [pattern, words] of wordings) {
    const parts = pattern.exec(message)
    if (parts !== null) return meanings.get(path.replaceAll(/\.\d+(?=\.|$)/g, '.*')) ?? words(path, parts.slice(1))
  }
  return message
}

const dayMs = 86_400_000

const quantity = (path: string, value: number): string => {
  if (!path.endsWith('Ms')) return String(value)
  const days = value / dayMs
  return Number.isInteger(days) && days > 0 ? `${days} ${days === 1 ? 'day' : 'days'}` : shownDuration(value)
}
