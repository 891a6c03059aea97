import { type Import, importsOf } from './imports.ts'
import type { Rule, Violation } from './rule.ts'
import { baseName, sources, type Tree } from './tree.ts'

/** What each room may import, itself included. Files outside the rooms are configuration. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  domain: ['domain'],
  projections: ['domain', 'projections'],
  adapters: ['domain', 'projections', 'adapters'],
  infra: ['domain', 'projections', 'adapters', 'infra'],
  examples: ['domain', 'projections', 'adapters', 'examples'],
  test: ['domain', 'projections', 'adapters', 'infra', 'examples', 'test'],
}
const drivingSide = ['http', 'client', 'cli', 'agent', 'console']
const stores = ['memory', 'sqlite', 'dynamodb']

/** The folder at `depth` of a path; undefined for a file. */
const folderAt = (path: string, depth: number): string | undefined => {
  const parts = path.split('/')
  return depth < parts.length - 1 ? parts[depth] : undefined
}
const roomOf = (path: string): string => folderAt(path, 0) ?? ''
/** The wire as data: no medium of its own, one file or a folder of them. */
const isRoutes = (path: string): boolean => /^adapters\/routes[./]/.test(path)
const mediumOf = (path: string): string | undefined =>
  roomOf(path) === 'adapters' && !isRoutes(path) ? folderAt(path, 1) : undefined
const aggregateOf = (path: string): string | undefined => (roomOf(path) === 'domain' ? folderAt(path, 1) : undefined)

/** One violation for each import that `problem` has something to say about. */
const forEachImport = (tree: Tree, problem: (found: Import) => string | undefined): readonly Violation[] =>
  importsOf(tree).flatMap((found) => {
    const message = problem(found)
    return message === undefined ? [] : [{ file: found.from, line: found.line, message }]
  })

export const importsRunOneWay: Rule = {
  name: 'imports run one way: infra → adapters → projections → domain',
  why: 'what is inside can be read, tested and kept without what is outside',
  appliesTo: ['domain/**/*.ts', 'projections/**/*.ts', 'adapters/**/*.ts', 'infra/**/*.ts', 'test/**/*.ts'],
  check: (tree, { imports }) =>
    forEachImport(tree, ({ from, to, isPackage }) => {
      const allowed = mayImport[roomOf(from)]
      if (isPackage || allowed === undefined || allowed.includes(roomOf(to))) return undefined
      if (imports.some((exception) => exception.from === from && exception.to === to)) return undefined
      return `imports ${to}: ${roomOf(from)}/ may import ${allowed.join(', ')} only. Ask for it as a port, or move it inwards`
    }),
}

export const domainImportsOnlyZod: Rule = {
  name: 'domain imports zod and itself, nothing else',
  why: 'a decision must not depend on anything that can fail, wait or change under it',
  appliesTo: ['domain/**/*.ts'],
  check: (tree) =>
    forEachImport(tree, ({ from, to, isPackage }) =>
      roomOf(from) === 'domain' && isPackage && to !== 'zod'
        ? `imports ${to}: let the caller pass in what is needed (an instant, an id, a hash) as part of the command`
        : undefined,
    ),
}

export const customersSeeOnlyTheClient: Rule = {
  name: 'cli, agent and console see only the client',
  why: 'what they can do, any user of the API can do; they hold no rule of their own',
  appliesTo: [
    'adapters/client/**/*.ts',
    'adapters/cli/**/*.ts',
    'adapters/agent/**/*.ts',
    'adapters/console/**/*.{ts,tsx}',
  ],
  check: (tree, { imports }) =>
    forEachImport(tree, ({ from, to, isPackage, typeOnly }) => {
      const medium = mediumOf(from) ?? ''
      if (isPackage || !['cli', 'agent', 'console'].includes(medium)) return undefined
      if ([medium, 'client'].includes(mediumOf(to) ?? '')) return undefined
      if (isRoutes(to) && typeOnly) return undefined
      // `benchplane agent` starts one.
      if (medium === 'cli' && mediumOf(to) === 'agent') return undefined
      if (imports.some((exception) => exception.from === from && exception.to === to)) return undefined
      return `imports ${to}: go through adapters/client (types may come from the routes)`
    }),
}

export const storesStandAlone: Rule = {
  name: 'stores never import each other, the registry or a decision',
  why: 'one store can then be read, replaced or deleted without the others, and holds no rule',
  appliesTo: stores.map((store) => `adapters/${store}/**/*.ts`),
  check: (tree) =>
    forEachImport(tree, ({ from, to }) => {
      const store = mediumOf(from) ?? ''
      if (!stores.includes(store)) return undefined
      const other = mediumOf(to)
      if (other !== undefined && other !== store)
        return `imports ${to}: what stores share belongs in domain/ or in a file right under adapters/`
      const decision = to === 'domain/registry.ts' || baseName(to) === 'decide.ts' || aggregateOf(to) === 'decisions'
      return decision ? `imports ${to}: a store keeps commits and rows; what they mean is the caller's` : undefined
    }),
}

export const onlyInfraConnects: Rule = {
  name: 'the driving side never imports a medium',
  why: 'http and its customers are given ports; only infra knows which engine is behind them',
  appliesTo: ['adapters/http/**/*.ts', 'adapters/client/**/*.ts'],
  check: (tree) =>
    forEachImport(tree, ({ from, to }) => {
      const medium = mediumOf(to)
      if (medium === undefined || drivingSide.includes(medium) || !drivingSide.includes(mediumOf(from) ?? ''))
        return undefined
      return `imports ${to}: take the port as a parameter, and let infra/ pass the adapter`
    }),
}

export const aggregatesStandAlone: Rule = {
  name: "aggregates never import each other's state or decide",
  why: 'each is understood by its own four files; what spans several is a decision in domain/decisions/ or a policy',
  appliesTo: ['domain/*/state.ts', 'domain/*/decide.ts'],
  check: (tree) =>
    forEachImport(tree, ({ from, to }) => {
      const [own, other] = [aggregateOf(from), aggregateOf(to)]
      if (own === undefined || other === undefined || own === other || ['decisions', 'policies'].includes(own))
        return undefined
      if (other === 'decisions') return `imports ${to}: decisions read aggregates, never the other way round`
      return ['state.ts', 'decide.ts'].includes(baseName(to))
        ? `imports ${to}: decide on both in domain/decisions/, or take the fact as part of the command`
        : undefined
    }),
}

/** The files of one cycle that can be reached from `start`, or nothing. */
const cycleFrom = (start: string, edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined => {
  const seen = new Set<string>()
  const visit = (path: readonly string[]): readonly string[] | undefined => {
    for (const to of edges.get(path.at(-1) ?? start) ?? []) {
      if (to === start) return [...path, start]
      if (seen.has(to)) continue
      seen.add(to)
      const found = visit([...path, to])
      if (found !== undefined) return found
    }
    return undefined
  }
  return visit([start])
}

export const noCycles: Rule = {
  name: 'no import cycles, types included',
  why: 'files in a cycle can only be understood, moved and tested together',
  appliesTo: ['**/*.ts'],
  check: (tree) => {
    const internal = importsOf(tree).filter((found) => !found.isPackage)
    const edges = new Map(
      [...Map.groupBy(internal, ({ from }) => from)].map(([from, all]) => [from, all.map(({ to }) => to)]),
    )
    const told = new Set<string>()
    return sources(tree).flatMap((file) => {
      const cycle = told.has(file) ? undefined : cycleFrom(file, edges)
      if (cycle === undefined) return []
      for (const member of cycle) told.add(member)
      return [{ file, message: `imports itself: ${cycle.join(' → ')}. Move what both need into a third file` }]
    })
  },
}

export const importRules: readonly Rule[] = [
  importsRunOneWay,
  domainImportsOnlyZod,
  customersSeeOnlyTheClient,
  storesStandAlone,
  onlyInfraConnects,
  aggregatesStandAlone,
  noCycles,
]
