import ts from 'typescript'
import type { Rule } from './rule.ts'
import { commentsOf, sourceOf } from './source.ts'
import { matching, sources } from './tree.ts'

const reExports = (statement: ts.Statement): boolean =>
  ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined

export const noBarrels: Rule = {
  name: 'no barrels',
  why: 'a file that only passes on others hides where a thing lives, and makes cycles',
  appliesTo: ['**/*.ts'],
  check: (tree) =>
    sources(tree)
      .filter((file) => {
        const { statements } = sourceOf(tree, file)
        return statements.length > 0 &&
          statements.every((statement) => reExports(statement) || ts.isImportDeclaration(statement))
          ? statements.some(reExports)
          : false
      })
      .map((file) => ({ file, message: 'only re-exports: import from where the thing is' })),
}

const nameless = /(?:^|\/)(?:utils?|helpers?|misc|common|lib)(?:\.[^/]+|\/)/

export const noUtils: Rule = {
  name: 'no utils, helpers, misc, common or lib',
  why: 'such a name says nothing about what is inside, so everything ends up inside',
  appliesTo: ['**/*.ts'],
  check: (tree) =>
    sources(tree)
      .filter((file) => nameless.test(file))
      .map((file) => ({ file, message: 'name it after what its functions are about' })),
}

const blanket = /^\/[/*]\s*(?:(?:eslint|oxlint)-disable(?!-(?:next-)?line)|biome-ignore-all|@ts-nocheck)/
const unexplained = /^\/[/*]\s*(?:eslint|oxlint)-disable-(?:next-)?line(?!.*--\s*\w)/

export const noBlanketDisables: Rule = {
  name: 'no check is switched off for a whole file, and for a line only with a reason',
  why: 'a check that is off finds nothing, and nobody remembers why it is off',
  appliesTo: ['**/*.ts'],
  check: (tree) =>
    sources(tree)
      .filter((file) => /-disable|-ignore-all|@ts-nocheck/.test(tree.get(file) ?? ''))
      .flatMap((file) =>
        commentsOf(sourceOf(tree, file)).flatMap(({ line, text }) => {
          if (blanket.test(text))
            return [{ file, line, message: 'switches a check off: mend it, or name the one line and the reason' }]
          return unexplained.test(text)
            ? [{ file, line, message: 'switches a check off without a reason: add ` -- why`' }]
            : []
        }),
      ),
}

const openingLine = 'command → decide → append → stream → project → publish'

export const readmeOpens: Rule = {
  name: 'the README opens with the way of a command, one link per step',
  why: 'a newcomer finds any behaviour in under a minute',
  appliesTo: ['README.md'],
  check: (tree) => {
    if (!tree.has('README.md')) return []
    const lines = (tree.get('README.md') ?? '').split('\n').slice(0, 12)
    const found = lines.find(
      (line) =>
        line
          .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
          .replaceAll(/[`*]/g, '')
          .trim() === openingLine,
    )
    const steps = openingLine.split(' → ').length
    const message = `opens without "${openingLine}", each step a link to where it happens`
    return found !== undefined && (found.match(/\]\(/g) ?? []).length === steps ? [] : [{ file: 'README.md', message }]
  },
}

const linkTarget = /\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)\s]*)?\)/g

export const linksLead: Rule = {
  name: 'every link of a document leads to a file that is there',
  why: 'a dead link tells the newcomer that the page is no longer true',
  appliesTo: ['**/*.md'],
  check: (tree) =>
    matching(tree, ['**/*.md']).flatMap((file) =>
      [...(tree.get(file) ?? '').matchAll(linkTarget)].flatMap(([, target = '']) => {
        const path = new URL(target, `file:///${file}`).pathname.slice(1).replace(/\/$/, '')
        const exists = tree.has(path) || [...tree.keys()].some((other) => other.startsWith(`${path}/`))
        return exists ? [] : [{ file, message: `links to ${target}, which is not there` }]
      }),
    ),
}

export const fileRules: readonly Rule[] = [noBarrels, noUtils, noBlanketDisables, readmeOpens, linksLead]
