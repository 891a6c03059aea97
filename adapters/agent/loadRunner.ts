import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Runner, RunnerOptions } from './runner.ts'
import { shell } from './shell.ts'

/** A name, or a path to a module: `./my-runner.ts`. */
const isPath = (name: string): boolean => /^\.{0,2}\/|\.[cm]?[jt]s$/.test(name)

/** The runner of that name, or the one that a module makes; a text says why there is none. */
export const loadRunner = async (name: string, options: RunnerOptions): Promise<Runner | string> => {
  if (name === 'shell') return shell
  if (!isPath(name)) return `there is no runner '${name}': it is shell, or a path such as ./my-runner.ts`
  const path = resolve(name)
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown }
    if (module.default === undefined)
      return `${path} has no default export: it is a runner, or a function that makes one`
    const made: unknown = isMaker(module.default) ? await module.default(options) : module.default
    return isRunner(made) ? made : `the default export of ${path} is no runner: it has no function start(work)`
  } catch (error) {
    return `${path} can not be loaded: ${error instanceof Error ? error.message : String(error)}`
  }
}

const isMaker = (value: unknown): value is (options: RunnerOptions) => unknown => typeof value === 'function'

const isRunner = (value: unknown): value is Runner => {
  if (typeof value !== 'object' || value === null || !('start' in value)) return false
  const endLeftOver = 'endLeftOver' in value ? value.endLeftOver : undefined
  return typeof value.start === 'function' && (endLeftOver === undefined || typeof endLeftOver === 'function')
}
