import type { Exceptions, Rule, Violation } from './rule.ts'
import { type FunctionNode, isFunction, isTestCall, lineOf, nameOfFunction, nodesOf, sourceOf } from './source.ts'
import { matching, sources, type Tree } from './tree.ts'

const fileLinesMax = 250
const functionLinesMax = 50
const entryLinesMax = 25

interface Measured {
  file: string
  /** Of the function; absent for a file. */
  name?: string
  line?: number
  lines: number
}

const linesIn = (text: string): number => text.trimEnd().split('\n').length

/** Tests in it are measured for themselves: a group of tests is a chapter, not a function. */
const ownLines = (node: FunctionNode): number => {
  const calls = nodesOf(node.body, isTestCall)
  const outer = calls.filter(
    (call) => !calls.some((other) => other !== call && other.pos <= call.pos && call.end <= other.end),
  )
  return outer.reduce((lines, call) => lines - linesIn(call.getText()), linesIn(node.getText()))
}

const functionsOf = (tree: Tree, file: string): readonly Measured[] =>
  nodesOf(sourceOf(tree, file), isFunction).map((node) => ({
    file,
    name: nameOfFunction(node) ?? 'a nameless function',
    line: lineOf(node),
    lines: ownLines(node),
  }))

/** Over the limit is a violation, unless it is listed at just this size; listed at another is one as well. */
const judge = (all: readonly Measured[], linesMax: number, oversized: Exceptions['oversized']): readonly Violation[] =>
  all.flatMap(({ lines, ...what }) => {
    const listed = oversized.find(({ file, name }) => file === what.file && name === what.name)
    if (listed === undefined ? lines <= linesMax : lines === listed.lines && lines > linesMax) return []
    const { name, ...where } = what
    const size = `${name === undefined ? '' : `${name} `}has ${lines} lines`
    if (listed === undefined)
      return [{ ...where, message: `${size}, at most ${linesMax}: divide it by what its parts are about` }]
    const wish =
      lines > listed.lines
        ? `more than the ${listed.lines} it is allowed in exceptions.ts: make it smaller`
        : 'fewer than'
    return [
      {
        ...where,
        message:
          wish === 'fewer than' ? `${size}: write that into exceptions.ts, or take the entry out` : `${size}, ${wish}`,
      },
    ]
  })

const everyRoom = ['domain', 'projections', 'adapters', 'infra', 'test'].map((room) => `${room}/**/*.{ts,tsx}`)

export const filesAreShort: Rule = {
  name: `a file has at most ${fileLinesMax} lines`,
  why: 'what does not fit on a few screens is about more than one thing',
  appliesTo: everyRoom,
  check: (tree, { oversized }) =>
    judge(
      sources(tree).map((file) => ({ file, lines: linesIn(tree.get(file) ?? '') })),
      fileLinesMax,
      oversized,
    ),
}

export const functionsAreShort: Rule = {
  name: `a function has at most ${functionLinesMax} lines`,
  why: 'a function that grows around one idea hides it',
  appliesTo: everyRoom,
  check: (tree, { oversized }) =>
    judge(
      sources(tree).flatMap((file) => functionsOf(tree, file)),
      functionLinesMax,
      oversized,
    ),
}

export const entriesAreTiny: Rule = {
  name: `an entry has at most ${entryLinesMax} lines`,
  why: 'a composition root connects, wires and exports; anything else in it can only be tested deployed',
  appliesTo: ['infra/entry/**/*.ts'],
  check: (tree) =>
    judge(
      matching(tree, ['infra/entry/**/*.ts']).map((file) => ({ file, lines: linesIn(tree.get(file) ?? '') })),
      entryLinesMax,
      [],
    ),
}

export const sizeRules: readonly Rule[] = [filesAreShort, functionsAreShort, entriesAreTiny]
