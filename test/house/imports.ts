import { posix } from 'node:path'
import ts from 'typescript'
import { lineOf, nodesOf, sourceOf } from './source.ts'
import { folderOf, sources, type Tree } from './tree.ts'

export interface Import {
  from: string
  /** A path in the tree; for a package, its specifier. */
  to: string
  line: number
  isPackage: boolean
  typeOnly: boolean
}

const literal = (node: ts.Node | undefined): string | undefined =>
  node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined

/** Static and dynamic imports, re-exports and `import('…')` types: whatever names another module. */
const specifierOf = (node: ts.Node): string | undefined => {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier)
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return literal(node.arguments[0])
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? literal(node.argument.literal) : undefined
  return undefined
}

const isTypeOnly = (node: ts.Node): boolean => {
  if (ts.isImportTypeNode(node)) return true
  if (ts.isExportDeclaration(node)) return node.isTypeOnly
  if (!ts.isImportDeclaration(node)) return false
  const clause = node.importClause
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const named = clause.namedBindings
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly)
}

const importsOfFile = (tree: Tree, from: string): readonly Import[] =>
  nodesOf(sourceOf(tree, from), (node): node is ts.Node => specifierOf(node) !== undefined).map((node) => {
    const specifier = specifierOf(node) ?? ''
    const isPackage = !specifier.startsWith('.')
    const to = isPackage ? specifier : posix.normalize(posix.join(folderOf(from), specifier))
    return { from, to, line: lineOf(node), isPackage, typeOnly: isTypeOnly(node) }
  })

const known = new WeakMap<Tree, readonly Import[]>()

/** All imports of all code in the tree; read once. */
export const importsOf = (tree: Tree): readonly Import[] => {
  const before = known.get(tree)
  if (before !== undefined) return before
  const imports = sources(tree).flatMap((path) => importsOfFile(tree, path))
  known.set(tree, imports)
  return imports
}
