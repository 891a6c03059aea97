import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { groupOf, isAlive, traceOf } from './processGroup.ts'
import type { AgentSettings } from './settings.ts'
import type { PoweredOff, Watch } from './watch.ts'

/** Keeps the guard's process: started with the first watch, again when it dies, and told what is new. */
export interface GuardProcess {
  /** There is something new to tell. */
  tell: () => void
  /** Resolves when the guard of an earlier life of this agent is gone, or is not waited for any longer. */
  ready: () => Promise<void>
  /** Resolves when all that the guard has said until now is read. */
  heard: () => Promise<void>
  /** Resolves when the process is gone. */
  close: () => Promise<void>
}

type Settings = Pick<AgentSettings, 'hooks' | 'workDir' | 'note' | 'alarm'>

const program = fileURLToPath(new URL('guard.ts', import.meta.url))
/** It waits nearly all the time. */
const flags = ['--max-semi-space-size=1', '--max-old-space-size=32', '--disable-warning=ExperimentalWarning']
/** In the work directory: who guards it, as its trace. Stays when it ends: a trace is never taken for another process. */
const traceName = 'benchplane-guard'
/** Beyond the power-off hook's own time. */
const patienceMs = 5_000
/** One that ends sooner than that is not started again at once. */
const goodLifeMs = 1_000
const againAfterMs = 1_000

/** `watch` answers what is to be guarded, undefined for nothing. */
export const keepGuard = (
  settings: Settings,
  watch: () => Watch | undefined,
  onPoweredOff: (told: PoweredOff) => void,
): GuardProcess => {
  let child: ChildProcess | undefined
  let isClosing = false
  let again: NodeJS.Timeout | undefined
  const tell = (): void => {
    const now = watch()
    if (child === undefined && now !== undefined && again === undefined && !isClosing) child = begin()
    // Of what it was not told while its pipe was full, it is told the newest once it reads again.
    else if (child?.stdin?.writableNeedDrain === false) say(child, now)
  }
  const begin = (): ChildProcess => {
    const startedAt = performance.now()
    const begun = started(settings, onPoweredOff)
    begun.stdin?.on('drain', tell)
    const gone = (facts: Readonly<Record<string, unknown>>): void => {
      if (child !== begun) return
      child = undefined
      if (isClosing) return
      settings.alarm('the guard of what runs here has ended: another is started', facts)
      const waitMs = performance.now() - startedAt > goodLifeMs ? 0 : againAfterMs
      again = setTimeout(() => {
        again = undefined
        tell()
      }, waitMs)
    }
    begun.once('exit', (exitCode, signal) => gone({ exitCode, signal }))
    begun.once('error', ({ message: reason }) => gone({ reason }))
    say(begun, watch())
    return begun
  }
  let isReady: Promise<void> | undefined
  return {
    tell,
    ready: () => (isReady ??= earlierGone(settings)),
    // What is in the pipe is read between two turns.
    heard: async () => {
      await turn()
      await turn()
    },
    close: async () => {
      isClosing = true
      clearTimeout(again)
      if (child !== undefined) await ended(child, settings)
    },
  }
}

const nothing = { attempts: [] }

const say = (child: ChildProcess, watch: Watch | undefined): void =>
  void child.stdin?.write(`${JSON.stringify(watch ?? nothing)}\n`)

/** In a session of its own: Ctrl-C in a terminal is not for it. */
const started = (settings: Settings, onPoweredOff: (told: PoweredOff) => void): ChildProcess => {
  const { BENCHPLANE_TOKEN: _, ...inherited } = process.env
  const child = spawn(process.execPath, [...flags, program], {
    // With its types stripped once and for all it takes a third less memory.
    env: { ...inherited, NODE_COMPILE_CACHE: join(settings.workDir, 'benchplane-cache') },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  // That it is gone is told by its exit.
  child.stdin.on('error', () => undefined)
  createInterface({ input: child.stdout }).on('line', (line) => onPoweredOff(JSON.parse(line) as PoweredOff))
  noteTrace(settings, child.pid)
  return child
}

const noteTrace = ({ workDir, alarm }: Settings, pid: number | undefined): void => {
  const trace = traceOf(pid)
  if (trace === undefined) return
  try {
    mkdirSync(workDir, { recursive: true })
    writeFileSync(join(workDir, traceName), trace)
  } catch (error) {
    alarm('the guard can not be noted for a next life', { reason: String(error) })
  }
}

const earlierGone = async ({ workDir, hooks, note, alarm }: Settings): Promise<void> => {
  const guard = tracedIn(workDir)
  if (guard === undefined) return
  const until = performance.now() + hooks.timeoutMs + patienceMs
  const isThere = (): boolean => groupOf(guard) !== undefined && isAlive(groupOf(guard) ?? 0)
  if (isThere()) note('waiting for the guard of an earlier life to end what ran then', { guard })
  while (isThere()) {
    if (performance.now() > until) {
      alarm('the guard of an earlier life is still there: it is not waited for any longer', { guard })
      return
    }
    await sleep(50)
  }
}

const tracedIn = (workDir: string): string | undefined => {
  try {
    return readFileSync(join(workDir, traceName), 'utf8')
  } catch {
    // There was none.
    return undefined
  }
}

/** It ends by itself, unless it is stopped. */
const ended = async (child: ChildProcess, { hooks, alarm }: Settings): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('exit', () => resolve())
  child.once('error', () => resolve())
  const force = setTimeout(() => {
    alarm('the guard did not end: it is killed', { pid: child.pid })
    child.kill('SIGKILL')
  }, hooks.timeoutMs + patienceMs)
  say(child, undefined)
  child.stdin?.end()
  await promise
  clearTimeout(force)
}
