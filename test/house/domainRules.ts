import ts from 'typescript'
import type { Rule, Violation } from './rule.ts'
import { type FunctionNode, isFunction, lineOf, nameOfFunction, nodesOf, sourceOf } from './source.ts'
import { baseName, matching, sources, type Tree } from './tree.ts'

const domain = ['domain/**/*.ts']

/** One violation for each node of the files that `problem` has something to say about. */
const forEachNode = (
  tree: Tree,
  globs: readonly string[],
  problem: (node: ts.Node) => string | undefined,
): readonly Violation[] =>
  sources(tree, globs).flatMap((file) =>
    nodesOf(sourceOf(tree, file), (node): node is ts.Node => problem(node) !== undefined).map((node) => ({
      file,
      line: lineOf(node),
      message: problem(node) ?? '',
    })),
  )

export const noClasses: Rule = {
  name: 'no classes in domain',
  why: 'data and pure functions survive storage, replay and refolding; objects with identity do not',
  appliesTo: domain,
  check: (tree) =>
    forEachNode(tree, domain, (node) =>
      ts.isClassLike(node) ? 'a class: use a type and functions over it; for a named fault, faults.ts' : undefined,
    ),
}

const banned: Readonly<Record<string, string>> = {
  'Date.now': "take the command's `at`",
  'Math.random': 'let the caller put the id or the choice into the command',
  process: 'let infra/ read the environment and pass what is needed',
  crypto: 'let an adapter hash, and the caller put ids into the command',
  performance: "take the command's `at`",
  console: 'answer a value; adapters log',
  fetch: 'ask for a port',
  setTimeout: 'say when it is due with nextDue',
  setInterval: 'say when it is due with nextDue',
}

/** A global as it is written, `Date.now` or `process`; undefined for a member or a declaration of that name. */
const globalOf = (node: ts.Node): string | undefined => {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) return node.getText()
  if (!ts.isIdentifier(node)) return undefined
  const { parent } = node
  const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node
  const isName = 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent)
  return isMember || isName || ts.isQualifiedName(parent) || ts.isTypeReferenceNode(parent) ? undefined : node.text
}

const readsNow = (node: ts.Node): boolean =>
  (ts.isNewExpression(node) || ts.isCallExpression(node)) &&
  node.expression.getText() === 'Date' &&
  (ts.isCallExpression(node) || (node.arguments ?? []).length === 0)

export const noClock: Rule = {
  name: 'no clock, randomness or I/O in domain',
  why: 'the same state and command must give the same events on every machine, for ever',
  appliesTo: domain,
  check: (tree) =>
    forEachNode(tree, domain, (node) => {
      if (readsNow(node)) return "reads the clock: take the command's `at` (`new Date(instant)` is fine)"
      const used = globalOf(node)
      const instead = used !== undefined && Object.hasOwn(banned, used) ? banned[used] : undefined
      return instead === undefined ? undefined : `${used} is out of reach here: ${instead}`
    }),
}

const isEvolve = (node: ts.Node): boolean => isFunction(node) && (nameOfFunction(node) ?? '').startsWith('evolve')

const enclosing = (node: ts.Node, is: (node: ts.Node) => boolean): boolean =>
  node.parent !== undefined && (is(node.parent) || enclosing(node.parent, is))

export const evolveNamesEveryEvent: Rule = {
  name: 'evolve has no default',
  why: 'a new event that falls into a default is silently ignored; without one, the compiler names each place to look',
  appliesTo: ['domain/*/state.ts'],
  check: (tree) =>
    forEachNode(tree, domain, (node) => {
      const counts =
        ts.isDefaultClause(node) &&
        (enclosing(node, isEvolve) || baseName(node.getSourceFile().fileName) === 'state.ts')
      return counts ? 'default: name the events that change nothing, one case each' : undefined
    }),
}

export const evolveNeverThrows: Rule = {
  name: 'evolve never throws',
  why: 'events are facts: a history that was written must fold for ever',
  appliesTo: ['domain/*/state.ts'],
  check: (tree) =>
    forEachNode(tree, domain, (node) =>
      ts.isThrowStatement(node) && enclosing(node, isEvolve)
        ? 'throws: rules belong in decide, before the event'
        : undefined,
    ),
}

const aggregateFiles = ['commands.ts', 'events.ts', 'state.ts', 'decide.ts']
const notAggregates = ['decisions', 'policies']

export const aggregatesHaveFourFiles: Rule = {
  name: 'every aggregate has commands, events, state and decide',
  why: 'who has read one aggregate knows where to look in all of them',
  appliesTo: aggregateFiles.map((file) => `domain/*/${file}`),
  check: (tree) => {
    const folders = new Set(matching(tree, ['domain/*/**']).map((path) => path.split('/')[1] ?? ''))
    return [...folders]
      .filter((folder) => !notAggregates.includes(folder))
      .flatMap((folder) =>
        aggregateFiles
          .filter((file) => !tree.has(`domain/${folder}/${file}`))
          .map((file) => ({
            file: `domain/${folder}/${file}`,
            message: `is missing: a folder of domain/ is an aggregate with ${aggregateFiles.join(', ')}, or one of ${notAggregates.join(', ')}`,
          })),
      )
  },
}

const schemas = ['domain/*/commands.ts', 'domain/fields.ts']
const unlimited = new Set(['string', 'number', 'int', 'array', 'record'])
const limits = new Set(['max', 'length', 'lt', 'lte', 'regex', 'refine', 'superRefine', 'check'])

/** The methods called on the outcome of a call, outwards: `max`, `default` of `z.string().max(9).default('')`. */
const methodsAfter = (call: ts.Node): readonly string[] => {
  const { parent } = call
  return ts.isPropertyAccessExpression(parent) && ts.isCallExpression(parent.parent)
    ? [parent.name.text, ...methodsAfter(parent.parent)]
    : []
}

export const commandsHaveLimits: Rule = {
  name: 'every string, number and list of a command has a limit',
  why: 'one unlimited field is an unlimited commit, row, answer and bill',
  appliesTo: schemas,
  check: (tree) =>
    forEachNode(tree, schemas, (node) => {
      if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined
      const { expression, name } = node.expression
      if (expression.getText() !== 'z' || !unlimited.has(name.text)) return undefined
      return methodsAfter(node).some((method) => limits.has(method))
        ? undefined
        : `z.${name.text}() without a limit: add .max(…)`
    }),
}

/** `const f = () => …` or `function f() {}`, right in the file. */
const isTopLevel = (node: FunctionNode): boolean =>
  ts.isSourceFile(node.parent) ||
  (ts.isVariableDeclaration(node.parent) && ts.isSourceFile(node.parent.parent.parent.parent))

export const commandsHoldNoFunctions: Rule = {
  name: 'commands are schemas, not functions',
  why: 'a command is what somebody asks for; what comes of it stands in decide.ts',
  appliesTo: ['domain/*/commands.ts'],
  check: (tree) =>
    forEachNode(tree, ['domain/*/commands.ts'], (node) =>
      isFunction(node) && isTopLevel(node)
        ? `${nameOfFunction(node)} is a function: move it to decide.ts or fields.ts`
        : undefined,
    ),
}

export const domainRules: readonly Rule[] = [
  noClasses,
  noClock,
  evolveNamesEveryEvent,
  evolveNeverThrows,
  aggregatesHaveFourFiles,
  commandsHaveLimits,
  commandsHoldNoFunctions,
]
