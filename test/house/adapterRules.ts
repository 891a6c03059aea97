import ts from 'typescript'
import type { Exceptions, Rule, Violation } from './rule.ts'
import { lineOf, nodesOf, sourceOf } from './source.ts'
import { matching, sources, type Tree } from './tree.ts'

const stores = ['memory', 'sqlite', 'dynamodb']
const storeFiles = stores.map((store) => `adapters/${store}/**/*.ts`)

/** The stores that are there, and the files that none of them may have alone, by their path within the store. */
const commonFiles = (
  tree: Tree,
  { mediumSpecific }: Exceptions,
): { built: readonly string[]; files: readonly string[] } => {
  const present = matching(tree, storeFiles)
  const built = stores.filter((store) => present.some((path) => path.startsWith(`adapters/${store}/`)))
  const common = present.filter((path) => !mediumSpecific.some(({ file }) => file === path))
  return { built, files: [...new Set(common.map((path) => path.split('/').slice(2).join('/')))] }
}

/** Each file that two stores or more have in common, as the paths of its versions. */
const mirrors = (tree: Tree, exceptions: Exceptions): readonly (readonly string[])[] => {
  const { built, files } = commonFiles(tree, exceptions)
  return files
    .map((file) => built.map((store) => `adapters/${store}/${file}`).filter((path) => tree.has(path)))
    .filter((paths) => paths.length > 1)
}

export const storesMirror: Rule = {
  name: 'stores mirror each other: the same file names',
  why: 'who knows one store finds everything in the next',
  appliesTo: storeFiles,
  check: (tree, exceptions) => {
    const { built, files } = commonFiles(tree, exceptions)
    return files.flatMap((file) => {
      const isMissing = (path: string) => !tree.has(path) && !exceptions.notBuiltYet.some(({ room }) => room === path)
      const without = built.filter((store) => isMissing(`adapters/${store}/${file}`))
      const having = built.find((store) => !without.includes(store))
      const message = `is missing, but adapters/${having}/ has it: add it, or list that one in exceptions.ts as medium-specific`
      return without.map((store) => ({ file: `adapters/${store}/${file}`, message }))
    })
  },
}

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

const exportsOf = (tree: Tree, file: string): readonly string[] =>
  sourceOf(tree, file).statements.flatMap((statement) => {
    if (
      ts.isExportDeclaration(statement) &&
      statement.exportClause !== undefined &&
      ts.isNamedExports(statement.exportClause)
    )
      return statement.exportClause.elements.map((element) => element.name.text)
    if (!isExported(statement)) return []
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map((each) => each.name.getText())
    return 'name' in statement ? [(statement.name as ts.Node).getText()] : ['default']
  })

export const storesExportTheSame: Rule = {
  name: 'mirrored files export the same names',
  why: 'infra swaps a store by its folder alone, and one contract suite tests them all',
  appliesTo: storeFiles,
  check: (tree, exceptions) =>
    mirrors(tree, exceptions).flatMap((paths) => {
      const all = new Set(paths.flatMap((path) => exportsOf(tree, path)))
      return paths.flatMap((file): readonly Violation[] => {
        const missing = [...all].filter((each) => !exportsOf(tree, file).includes(each))
        return missing.length === 0
          ? []
          : [{ file, message: `does not export ${missing.join(', ')}, as its mirror does` }]
      })
    }),
}

/** `EventStore` of `satisfies EventStore`, `satisfies Opener<EventStore>` and the like. */
const satisfied = (tree: Tree, file: string): readonly string[] =>
  nodesOf(sourceOf(tree, file), ts.isSatisfiesExpression).flatMap(({ type }) =>
    nodesOf(type, ts.isIdentifier).map(({ text }) => text),
  )

const importedFromPorts = (tree: Tree, file: string): readonly string[] =>
  nodesOf(sourceOf(tree, file), ts.isImportDeclaration)
    .filter(
      ({ moduleSpecifier }) => ts.isStringLiteral(moduleSpecifier) && /(?:^|\/)ports\.ts$/.test(moduleSpecifier.text),
    )
    .flatMap((declaration) => nodesOf(declaration, ts.isImportSpecifier).map(({ name }) => name.text))

export const storesSatisfyTheirPort: Rule = {
  name: 'a mirrored file satisfies its port',
  why: 'the port is the one place that says what a store promises; the compiler holds each to it',
  appliesTo: storeFiles,
  check: (tree, exceptions) =>
    mirrors(tree, exceptions)
      .flat()
      .filter((path) => !satisfied(tree, path).some((name) => importedFromPorts(tree, path).includes(name)))
      .map((file) => ({ file, message: 'nothing in it `satisfies` a type of ports.ts: let what it opens do so' })),
}

const statusName = /(?:^|\.)status(?:Code)?$/i
const quantity = /(?:Ms|Max|Min|Bytes|Count|Limit|limit|Size|Length)$/
const quantityMethods = new Set(['max', 'min', 'default', 'gt', 'lt', 'gte', 'lte', 'length', 'slice', 'repeat'])

/** What a number is given to: a name for a member, a variable or a comparison; the callee for an argument. */
const givenTo = (node: ts.NumericLiteral): { name: string; isArgument: boolean } => {
  const { parent } = node
  if (ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent))
    return { name: parent.name.getText(), isArgument: false }
  if (ts.isBinaryExpression(parent))
    return { name: (parent.left === node ? parent.right : parent.left).getText(), isArgument: false }
  if (ts.isCaseClause(parent)) return { name: parent.parent.parent.expression.getText(), isArgument: false }
  if (ts.isCallExpression(parent) && ts.isPropertyAccessExpression(parent.expression))
    return { name: parent.expression.name.text, isArgument: true }
  return { name: '', isArgument: ts.isCallExpression(parent) }
}

const isStatus = (node: ts.NumericLiteral, inHttp: boolean): boolean => {
  if (!/^[45]\d\d$/.test(node.getText())) return false
  const { name, isArgument } = givenTo(node)
  if (inHttp) return !quantity.test(name) && !(isArgument && quantityMethods.has(name))
  return isArgument ? ['json', 'text', 'body', 'status'].includes(name) : statusName.test(name)
}

export const statusCodesInOnePlace: Rule = {
  name: 'status codes stand in adapters/http/problems.ts only',
  why: 'a refusal is a fact of the domain; what number it travels as is decided once',
  appliesTo: ['adapters/http/problems.ts', 'adapters/http/**/*.ts'],
  check: (tree) =>
    sources(tree, ['domain/**', 'projections/**', 'adapters/**', 'infra/**'])
      .filter((file) => file !== 'adapters/http/problems.ts' && !/\/routes[./]/.test(file))
      .flatMap((file) =>
        nodesOf(sourceOf(tree, file), ts.isNumericLiteral)
          .filter((node) => isStatus(node, file.startsWith('adapters/http/')))
          .map((node) => ({
            file,
            line: lineOf(node),
            message: `${node.text}: name the problem, and let adapters/http/problems.ts give it its status`,
          })),
      ),
}

export const adapterRules: readonly Rule[] = [
  storesMirror,
  storesExportTheSame,
  storesSatisfyTheirPort,
  statusCodesInOnePlace,
]
