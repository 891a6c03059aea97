import ts from 'typescript'
import type { Rule } from './rule.ts'
import { isTestCall, lineOf, nodesOf, sourceOf } from './source.ts'
import { sources } from './tree.ts'

const tests = ['test/**/*.ts']
const notRun = new Set(['skip', 'only', 'todo', 'skipIf', 'runIf', 'fails'])
const registers = new Set(['describe', 'suite', 'test', 'it', 'bench'])

const rootText = (node: ts.Expression): string => /^\w+/.exec(node.getText())?.[0] ?? ''

export const everyTestRuns: Rule = {
  name: 'no test is skipped, singled out or left for later',
  why: 'a test that does not run passes for ever',
  appliesTo: tests,
  check: (tree) =>
    sources(tree, tests).flatMap((file) =>
      nodesOf(sourceOf(tree, file), ts.isPropertyAccessExpression)
        .filter((node) => registers.has(rootText(node)) && notRun.has(node.name.text))
        .map((node) => ({
          file,
          line: lineOf(node),
          message: `.${node.name.text}: mend it, delete it, or give what needs more than Node a suite of its own in .ci/run`,
        })),
    ),
}

export const namesAreFacts: Rule = {
  name: 'a test is named by a fact, without "should"',
  why: 'the list of names reads as what the product does',
  appliesTo: tests,
  check: (tree) =>
    sources(tree, tests).flatMap((file) =>
      nodesOf(sourceOf(tree, file), isTestCall)
        .filter(
          ({ arguments: [title] }) =>
            title !== undefined && !ts.isFunctionLike(title) && /\bshould\b/i.test(title.getText()),
        )
        .map((node) => ({
          file,
          line: lineOf(node),
          message: 'say what happens: "refuses an overlap", not "should refuse …"',
        })),
    ),
}

export const testRules: readonly Rule[] = [everyTestRuns, namesAreFacts]
