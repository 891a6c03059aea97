import { readdirSync, readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'

/** Files by their path from the top of the repository, with `/`: the real ones, or a few made up to prove a rule. */
export type Tree = ReadonlyMap<string, string>

export const treeOf = (files: Readonly<Record<string, string>>): Tree => new Map(Object.entries(files))

const notOurs = new Set(['node_modules', '.git', '.benchplane', 'coverage', 'dist', 'cdk.out'])
/** A known ending, or none at all: LICENSE, .gitignore, .ci/run. */
const text = /(?:\.(?:tsx?|[cm]?[jt]s|jsonc?|md|svg|ya?ml|sh|css|html|sql)|(?:^|\/)\.?[^./]+)$/

/** Every text file under `top`, without what is installed or generated. */
export const readTree = (top: string): Tree => {
  const files = new Map<string, string>()
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(top, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory() && !notOurs.has(entry.name) && path !== '.ci/output') visit(path)
      else if (entry.isFile() && text.test(path)) files.set(path, readFileSync(join(top, path), 'utf8'))
    }
  }
  visit('')
  return files
}

/** The paths that match one of the globs (`*` within a segment, `**` across), sorted. */
export const matching = (tree: Tree, globs: readonly string[]): readonly string[] =>
  [...tree.keys()].filter((path) => globs.some((glob) => matchesGlob(path, glob))).toSorted()

/** Those of them that are code. */
export const sources = (tree: Tree, globs: readonly string[] = ['**']): readonly string[] =>
  matching(tree, globs).filter((path) => /\.(?:tsx?|[cm]?[jt]s)$/.test(path))

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
export const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0))
