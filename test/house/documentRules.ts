import type { Rule, Violation } from './rule.ts'
import { baseName, matching, type Tree } from './tree.ts'

const wordsMax = 250
const adrs = ['ADRs/*']

/** In this order; Date and Status may stand on a line of their own or as a heading. */
const parts: readonly { part: string; pattern: RegExp }[] = [
  { part: 'a title (# …)', pattern: /^# \S/m },
  { part: 'Date (YYYY-MM-DD)', pattern: /^(?:Date: |## Date\n+)\d{4}-\d{2}-\d{2}$/m },
  { part: 'Status', pattern: /^(?:Status: |## Status\n+)\S/m },
  { part: 'Context', pattern: /^## Context\n+\S/m },
  { part: 'Decision', pattern: /^## Decision\n+\S/m },
  { part: 'Consequences', pattern: /^## Consequences\n+\S/m },
]

const faultsOf = (text: string): readonly string[] => {
  const words = text.split(/\s+/).filter((word) => /\w/.test(word)).length
  const missing = parts.filter(({ pattern }) => !pattern.test(text)).map(({ part }) => `has no ${part}`)
  const places = parts.map(({ pattern }) => text.search(pattern))
  const inOrder = places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0))
  return [
    ...missing,
    ...(missing.length === 0 && !inOrder
      ? ['has its parts in another order than Date, Status, Context, Decision, Consequences']
      : []),
    ...(words > wordsMax ? [`has ${words} words, at most ${wordsMax}: one decision, and no more than it needs`] : []),
  ]
}

export const adrsHaveOneForm: Rule = {
  name: `an ADR has one form and at most ${wordsMax} words`,
  why: 'a decision is found by its title and read in a minute',
  appliesTo: ['ADRs/*.md'],
  check: (tree) => {
    const files = matching(tree, adrs)
    const numbered = /^\d{4}-[a-z0-9]+(?:-[a-z0-9]+)*\.md$/
    return files.flatMap((file): readonly Violation[] => {
      const number = baseName(file).slice(0, 4)
      const twin = files.find((other) => other < file && baseName(other).startsWith(number))
      return [
        ...(numbered.test(baseName(file)) ? [] : [{ file, message: 'is not named NNNN-the-decision.md' }]),
        ...(twin === undefined ? [] : [{ file, message: `has the number of ${twin}` }]),
        ...faultsOf(tree.get(file) ?? '').map((message) => ({ file, message })),
      ]
    })
  },
}

/** Built from pieces, so that this file does not break its own rule. */
const privateWords: readonly { what: string; pattern: RegExp }[] = [
  { what: 'a path of one machine', pattern: /(?<![\w.~*-])\/(?:home|Users|work|root)\/[\w.-]+/ },
  {
    what: 'an address of a private network',
    pattern: /(?<![\d.])(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d+){2}(?![\d./])/,
  },
  {
    what: 'a host of a private network',
    pattern: /\/\/(?!host\.docker\.)[\w.-]+\.(?:internal|intranet|corp|lan|local)(?![\w.])/,
  },
]

const lockedElsewhere = (tree: Tree): readonly Violation[] =>
  (tree.get('package-lock.json') ?? '').includes('"resolved": "http')
    ? [
        {
          file: 'package-lock.json',
          message: 'says where packages are fetched from: write it with omit-lockfile-registry-resolved',
        },
      ]
    : []

export const nothingPrivate: Rule = {
  name: 'no machine, network or registry of anybody’s own is named',
  why: 'what is written here must be true, and harmless, for everyone who clones it',
  appliesTo: ['**/*.ts', '**/*.json'],
  check: (tree) => [
    ...lockedElsewhere(tree),
    ...[...tree].flatMap(([file, text]) =>
      text.split('\n').flatMap((line, index) =>
        privateWords
          .filter(({ pattern }) => pattern.test(line))
          .map(({ what }) => ({
            file,
            line: index + 1,
            message: `names ${what}: use localhost, a relative path or example.com`,
          })),
      ),
    ),
  ],
}

export const documentRules: readonly Rule[] = [adrsHaveOneForm, nothingPrivate]
