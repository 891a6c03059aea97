import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { describe, expect, test } from 'vitest'
import { exceptions } from './house/exceptions.ts'
import { importsOf } from './house/imports.ts'
import { completed, missingFrom } from './house/lock.ts'
import { plantedAdapters } from './house/planted/adapters.ts'
import { plantedDocuments } from './house/planted/documents.ts'
import { plantedDomain } from './house/planted/domain.ts'
import { plantedFiles } from './house/planted/files.ts'
import { plantedImports } from './house/planted/imports.ts'
import { plantedSizes } from './house/planted/sizes.ts'
import { noExceptions, type Rule } from './house/rule.ts'
import { blindSpots, broken, rules } from './house/rules.ts'
import { readTree, treeOf } from './house/tree.ts'

const tree = readTree(join(import.meta.dirname, '..'))

describe('this house keeps its rules', () => {
  test.each(rules)('$name', (rule) => {
    expect(broken(rule, tree, exceptions), rule.why).toEqual([])
  })
})

describe('no rule is blind', () => {
  test.each(rules)('$name', (rule) => {
    expect(blindSpots(rule, tree, exceptions), 'globs that match no file').toEqual([])
  })

  const rule: Rule = { name: '', why: '', appliesTo: ['adapters/dynamodb/**', 'domain/**'], check: () => [] }
  const notBuiltYet = [{ room: 'adapters/dynamodb', reason: 'later' }]

  test('a glob that matches nothing is told, unless its room is not built yet', () => {
    const domainOnly = treeOf({ 'domain/a.ts': '' })
    expect(blindSpots(rule, domainOnly, noExceptions)).toEqual(['adapters/dynamodb/**'])
    expect(blindSpots(rule, domainOnly, { ...noExceptions, notBuiltYet })).toEqual([])
    expect(blindSpots(rule, treeOf({}), { ...noExceptions, notBuiltYet })).toEqual(['domain/**'])
  })

  test('the imports that the rules read are those that dependency-cruiser sees', async () => {
    const rooms = ['domain', 'projections', 'adapters', 'infra', 'test', 'examples'].filter((room) => existsSync(room))
    const { output } = await cruise(rooms, { tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules' } })
    const seen = (output as ICruiseResult).modules.flatMap(({ source, dependencies }) =>
      dependencies.filter(({ resolved }) => tree.has(resolved)).map(({ resolved }) => `${source} → ${resolved}`),
    )
    const read = importsOf(tree).filter(({ from, to }) => rooms.includes(from.split('/')[0] ?? '') && tree.has(to))
    expect(seen.length).toBeGreaterThan(0)
    expect(new Set(read.map(({ from, to }) => `${from} → ${to}`))).toEqual(new Set(seen))
  })
})

const planted = [
  ...plantedImports,
  ...plantedDomain,
  ...plantedAdapters,
  ...plantedSizes,
  ...plantedFiles,
  ...plantedDocuments,
]
const rows = planted.map((row) => ({ ...row, name: row.rule.name, except: { ...noExceptions, ...row.exceptions } }))

describe('every rule bites', () => {
  test.each(rows.filter(({ at }) => at !== undefined))('$name: reports $what', ({ rule, files, except, at, says }) => {
    const violations = rule.check(treeOf(files), except)
    expect(violations.map(({ file, line }) => (line === undefined ? file : `${file}:${line}`)).toSorted()).toEqual(at)
    for (const { message } of violations) expect(message).toContain(says)
  })

  test.each(rows.filter(({ at }) => at === undefined))('$name: accepts $what', ({ rule, files, except }) => {
    expect(broken(rule, treeOf(files), except)).toEqual([])
  })

  test.each(rules)('$name: is planted both ways', (rule) => {
    const own = planted.filter((row) => row.rule === rule)
    expect(own.some(({ at }) => at !== undefined)).toBe(true)
    expect(own.some(({ at }) => at === undefined)).toBe(true)
  })
})

test('a completed lockfile lacks nothing, and knows each platform by its name', () => {
  const optionalDependencies = { '@f/linux-x64-musl': '1.0.0', '@f/darwin-arm64': '1.0.0' }
  const lock = completed({
    packages: { '': {}, 'node_modules/f': { version: '1.0.0', dev: true, optionalDependencies } },
  })
  expect(missingFrom(lock)).toEqual([])
  expect(lock.packages['node_modules/@f/linux-x64-musl']).toEqual({
    version: '1.0.0',
    cpu: ['x64'],
    dev: true,
    libc: ['musl'],
    optional: true,
    os: ['linux'],
  })
  expect(Object.keys(lock.packages)).toEqual([
    '',
    'node_modules/@f/darwin-arm64',
    'node_modules/@f/linux-x64-musl',
    'node_modules/f',
  ])
})
