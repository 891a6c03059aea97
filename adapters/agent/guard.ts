/**
 * The guard: a small process beside each agent that runs something. It ends what the agent has left on its benches, and
 * powers them off, when the agent is gone (its end of the pipe is closed, whatever killed it) or does not see to it itself
 * before the lease ends (it is stopped, or hangs). So nobody who is given a bench after it meets what ran there before.
 *
 * Lines on stdin are a `Watch` each. It has a session of its own and does not listen to signals: it ends with its agent, and
 * at once and silently when there is nothing to see to. Whatever it does is told on stderr.
 */
import { createInterface } from 'node:readline'
import { powerOff } from './hooks.ts'
import { endGroup, isAlive, recentGroupOf } from './processGroup.ts'
import { monotonicMs, type PoweredOff, type Watch, type Watched } from './watch.ts'

/** Between asking and forcing what a dead agent has left, if the lease lasts that long. */
const orphanGraceMs = 1_000

let watch: Watch | undefined
let timer: NodeJS.Timeout | undefined
/** What is being done. */
const deeds = new Set<Promise<void>>()
/** Attempts whose benches have been powered off under this lease. */
const poweredOff = { leaseEndsAtMs: 0, names: new Set<string>() }

type Say = (text: string, facts?: Readonly<Record<string, unknown>>) => void

const factsOf = (facts: Readonly<Record<string, unknown>>): string =>
  Object.entries(facts)
    .map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('')

/** Ends all that is watched; told when it is done, since a reader that does not read must not keep us from it. */
const act = async ({ attempts, times, ...settings }: Watch, forceAtMs: number, why: string): Promise<void> => {
  const lines: string[] = []
  const say: Say = (text, facts = {}) => lines.push(`${new Date().toISOString()} guard: ${text}${factsOf(facts)}\n`)
  if (poweredOff.leaseEndsAtMs !== times.leaseEndsAtMs) poweredOff.names.clear()
  poweredOff.leaseEndsAtMs = times.leaseEndsAtMs
  await Promise.all(
    attempts.map(async (attempt) => {
      const { name, benchId } = attempt
      const endedCount = await endGroups(attempt, forceAtMs, say)
      if (endedCount > 0) say(`${why}: ended what ran`, { attempt: name, benchId })
      if (poweredOff.names.has(name)) return
      poweredOff.names.add(name)
      tellAgent({ poweredOff: name })
      await powerOff({ ...settings, note: say, alarm: (text, facts) => say(`alarm: ${text}`, facts) }, benchId).catch(
        (error: unknown) => say('alarm: the bench may still be powered', { benchId, reason: String(error) }),
      )
    }),
  )
  if (lines.length > 0) process.stderr.write(lines.join(''))
}

const tellAgent = (told: PoweredOff): void => void process.stdout.write(`${JSON.stringify(told)}\n`)

/** How many there were. */
const endGroups = async ({ name, groups }: Watched, forceAtMs: number, say: Say): Promise<number> => {
  const until = forceAtMs - monotonicMs() + performance.now()
  const ended = groups.map(async (group) => {
    const groupId = recentGroupOf(group)
    if (groupId === undefined || !isAlive(groupId)) return 0
    if (!(await endGroup(groupId, () => until))) say('alarm: what can not be ended may still use its bench', { name })
    return 1
  })
  return (await Promise.all(ended)).reduce((sum: number, one) => sum + one, 0)
}

const start = (watched: Watch, forceAtMs: number, why: string): void => {
  const deed = act(watched, forceAtMs, why).finally(() => deeds.delete(deed))
  deeds.add(deed)
}

const onLine = (line: string): void => {
  try {
    watch = JSON.parse(line) as Watch
  } catch {
    // The agent died in the middle of it: what it said before counts.
    process.stderr.write(`${new Date().toISOString()} guard: half a line came, ${line.length} characters\n`)
    return
  }
  clearTimeout(timer)
  const { attempts, times } = watch
  if (attempts.length === 0) return
  const told = watch
  const lapse = (): void => start(told, times.forceAtMs, 'the lease runs out and the agent does nothing')
  timer = setTimeout(lapse, Math.max(0, times.actAtMs - monotonicMs()))
}

const onEnd = async (): Promise<void> => {
  clearTimeout(timer)
  if (watch !== undefined && watch.attempts.length > 0)
    start(watch, Math.min(monotonicMs() + orphanGraceMs, watch.times.forceAtMs), 'the agent is gone')
  await Promise.all(deeds)
  process.exit()
}

// Where nobody reads any more, nothing can be told.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
// Ours alone: hooks are programs of their own.
delete process.env['NODE_COMPILE_CACHE']
createInterface({ input: process.stdin })
  .on('line', onLine)
  .on('close', () => void onEnd())
