import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { buildSync } from 'esbuild'

/** What runs in the cloud: the functions, each with an entry of its own, and the server. */
export const functionNames = ['api', 'project', 'publish', 'react', 'tick', 'sweep'] as const
export type FunctionName = (typeof functionNames)[number]
export type BundleName = FunctionName | 'server'
/** Answers the directory in which `index.mjs` lies. */
export type Bundle = (name: BundleName) => string

const root = join(import.meta.dirname, '../..')
/** Never written: paths in the source maps are relative to it, and so the same wherever the project lies. */
const nowhere = join(root, 'bundled')

const entryOf = (name: BundleName): string => join(root, 'infra/entry', `${name}.ts`)

/** What CommonJS among the dependencies asks for at run time, such as `require('node:util')`. */
const banner = `import { createRequire as bundledRequire } from 'node:module'; const require = bundledRequire(import.meta.url);`

interface File {
  name: string
  contents: Uint8Array
}

/**
 * One file for each, and its source map. The SDK is bundled, although Lambda has one: timeouts, retries and conditions
 * are tested with the version that is installed here, and another would come with any day's runtime update.
 */
const build = (names: readonly BundleName[]): ReadonlyMap<string, readonly File[]> => {
  const { outputFiles } = buildSync({
    entryPoints: names.map((name) => ({ in: entryOf(name), out: `${name}/index` })),
    absWorkingDir: root,
    outdir: nowhere,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    mainFields: ['module', 'main'],
    banner: { js: banner },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'error',
  })
  const files = outputFiles.map(({ path, contents }) => {
    const [bundle = ''] = path.slice(nowhere.length + 1).split('/')
    return { bundle, name: basename(path), contents }
  })
  return Map.groupBy(files, ({ bundle }) => bundle)
}

const built = new Map<BundleName, readonly File[]>()

/** All functions are built at once, the server only where one is wanted. */
const filesOf = (name: BundleName): readonly File[] => {
  if (!built.has(name)) {
    const names = name === 'server' ? [name] : functionNames
    const files = build(names)
    for (const each of names) built.set(each, files.get(each) ?? [])
  }
  return built.get(name) ?? []
}

/** Writes a bundle below `directory`, and answers where it lies. */
export const bundled = (name: BundleName, directory: string): string => {
  const place = join(directory, 'bundles', name)
  mkdirSync(place, { recursive: true })
  for (const { name: file, contents } of filesOf(name)) writeFileSync(join(place, file), contents)
  return place
}
