import { adapterRules } from './adapterRules.ts'
import { documentRules } from './documentRules.ts'
import { domainRules } from './domainRules.ts'
import { exceptionRules } from './exceptionRules.ts'
import { fileRules } from './fileRules.ts'
import { importRules } from './importRules.ts'
import { packageRules } from './packageRules.ts'
import { type Exceptions, inWords, type Rule } from './rule.ts'
import { sizeRules } from './sizeRules.ts'
import { testRules } from './testRules.ts'
import { matching, type Tree } from './tree.ts'

export const rules: readonly Rule[] = [
  ...importRules,
  ...domainRules,
  ...adapterRules,
  ...sizeRules,
  ...fileRules,
  ...testRules,
  ...documentRules,
  ...packageRules,
  ...exceptionRules,
]

/** What breaks a rule in this tree, one line each. */
export const broken = (rule: Rule, tree: Tree, exceptions: Exceptions): readonly string[] =>
  rule.check(tree, exceptions).map(inWords)

/** The globs of a rule that match no file, though their room is said to be built: there the rule would pass for ever. */
export const blindSpots = (rule: Rule, tree: Tree, { notBuiltYet }: Exceptions): readonly string[] =>
  rule.appliesTo.filter(
    (glob) => matching(tree, [glob]).length === 0 && !notBuiltYet.some(({ room }) => glob.startsWith(`${room}/`)),
  )
