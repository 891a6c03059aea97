import ts from 'typescript'
import type { Tree } from './tree.ts'

const parsed = new Map<string, { text: string; source: ts.SourceFile }>()

/** The syntax tree of a file; parsed once. */
export const sourceOf = (tree: Tree, path: string): ts.SourceFile => {
  const text = tree.get(path) ?? ''
  const known = parsed.get(path)
  if (known?.text === text) return known.source
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  parsed.set(path, { text, source })
  return source
}

export const lineOf = (node: ts.Node): number => {
  const source = node.getSourceFile()
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
}

/** Every node under `root` that the guard accepts, in order. */
export const nodesOf = <Node extends ts.Node>(root: ts.Node, is: (node: ts.Node) => node is Node): readonly Node[] => {
  const found: Node[] = []
  const visit = (node: ts.Node): void => {
    if (is(node)) found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(root)
  return found
}

/** Every comment of a file, with its line. Texts that only look like one are none. */
export const commentsOf = (source: ts.SourceFile): readonly { line: number; text: string }[] => {
  const { text } = source
  const found = new Map<number, string>()
  const keep = (from: number, end: number): undefined => void found.set(from, text.slice(from, end))
  const visit = (node: ts.Node): void => {
    ts.forEachLeadingCommentRange(text, node.pos, keep)
    ts.forEachTrailingCommentRange(text, node.end, keep)
    for (const child of node.getChildren(source)) visit(child)
  }
  visit(source)
  return [...found].map(([at, comment]) => ({ line: source.getLineAndCharacterOfPosition(at).line + 1, text: comment }))
}

export type FunctionNode = ts.FunctionLikeDeclaration & { body: ts.Node }

export const isFunction = (node: ts.Node): node is FunctionNode =>
  ts.isFunctionLike(node) && 'body' in node && node.body !== undefined

/** The name a function is found by: its own, or that of what it is assigned to. */
export const nameOfFunction = (node: FunctionNode): string | undefined => {
  if (node.name !== undefined) return node.name.getText()
  const { parent } = node
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText()
  return undefined
}

/** The identifier a chain of members and calls starts with: `test` of `test.each(rows)('…')`. */
export const rootOf = (node: ts.Expression): string | undefined => {
  if (ts.isIdentifier(node)) return node.text
  const inner = ts.isCallExpression(node) || ts.isPropertyAccessExpression(node) || ts.isTaggedTemplateExpression(node)
  if (!inner) return undefined
  return rootOf(ts.isTaggedTemplateExpression(node) ? node.tag : node.expression)
}

const testFunctions = new Set([
  'describe',
  'suite',
  'test',
  'it',
  'bench',
  'beforeAll',
  'beforeEach',
  'afterAll',
  'afterEach',
])

/** A call that registers a test, a group of tests or a hook. */
export const isTestCall = (node: ts.Node): node is ts.CallExpression =>
  ts.isCallExpression(node) && testFunctions.has(rootOf(node.expression) ?? '')
