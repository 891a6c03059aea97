import { importsOf } from './imports.ts'
import type { Rule, Violation } from './rule.ts'
import { isFunction, nameOfFunction, nodesOf, sourceOf } from './source.ts'
import { matching } from './tree.ts'

const list = 'test/house/exceptions.ts'
const stale = (what: string): Violation => ({ file: list, message: `${what}: take the entry out` })

export const exceptionsAreNeeded: Rule = {
  name: 'every exception is still needed',
  why: 'an exception that nothing uses is a hole in the wall',
  appliesTo: [list],
  check: (tree, { notBuiltYet, mediumSpecific, imports, oversized }) => [
    ...notBuiltYet
      .filter(({ room }) => tree.has(room) || matching(tree, [`${room}/**`]).length > 0)
      .map(({ room }) => stale(`${room} is built`)),
    ...mediumSpecific.filter(({ file }) => !tree.has(file)).map(({ file }) => stale(`${file} is gone`)),
    ...imports
      .filter(({ from, to }) => !importsOf(tree).some((found) => found.from === from && found.to === to))
      .map(({ from, to }) => stale(`${from} no longer imports ${to}`)),
    ...oversized
      .filter(({ file, name }) => {
        const names = tree.has(file) ? nodesOf(sourceOf(tree, file), isFunction).map(nameOfFunction) : []
        return name === undefined ? !tree.has(file) : !names.includes(name)
      })
      .map(({ file, name }) => stale(`${name ?? file} is gone`)),
  ],
}

export const exceptionRules: readonly Rule[] = [exceptionsAreNeeded]
