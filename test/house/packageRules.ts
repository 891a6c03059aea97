import { type Lock, missingFrom } from './lock.ts'
import type { Rule } from './rule.ts'
import type { Tree } from './tree.ts'

const scriptCountMax = 12
const file = 'package.json'

type Section = Readonly<Record<string, string>>

const sectionOf = (tree: Tree, name: string): Section =>
  (JSON.parse(tree.get(file) ?? '{}') as Record<string, Section>)[name] ?? {}

export const fewScripts: Rule = {
  name: `at most ${scriptCountMax} npm scripts`,
  why: 'a script that nobody remembers is config sediment',
  appliesTo: [file],
  check: (tree) => {
    const count = Object.keys(sectionOf(tree, 'scripts')).length
    return count > scriptCountMax
      ? [{ file, message: `has ${count} scripts, at most ${scriptCountMax}: fold two into one` }]
      : []
  },
}

const sections = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']

export const exactVersions: Rule = {
  name: 'every dependency has an exact version',
  why: 'the same commit must install the same code next year',
  appliesTo: [file],
  check: (tree) =>
    sections.flatMap((section) =>
      Object.entries(sectionOf(tree, section))
        .filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
        .map(([name, version]) => ({
          file,
          message: `${section}: ${name} is ${version}, not one version: npm install --save-exact`,
        })),
    ),
}

export const lockIsComplete: Rule = {
  name: 'the lockfile names the packages of every platform',
  why: 'npm ci refuses a lockfile that lacks one, so a fresh clone could not be installed',
  appliesTo: ['package-lock.json'],
  check: (tree) =>
    missingFrom(JSON.parse(tree.get('package-lock.json') ?? '{ "packages": {} }') as Lock).map(
      ({ name, wantedBy }) => ({
        file: 'package-lock.json',
        message: `lacks ${name}, wanted by ${wantedBy}: run node .ci/completeLock.ts`,
      }),
    ),
}

export const packageRules: readonly Rule[] = [fewScripts, exactVersions, lockIsComplete]
