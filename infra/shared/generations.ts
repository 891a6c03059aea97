import type { DynamoGenerations, GenerationOf, Register } from '../../adapters/dynamodb/generations.ts'
import { fault, isFault } from '../../domain/faults.ts'
import type { EventStore, ViewStore } from '../../domain/ports.ts'
import { viewsShape } from '../../projections/views.ts'
import type { Log } from '../log.ts'
import { type LocalViews, type OpenGeneration, originOf } from '../views/viewGenerations.ts'

/** A set of rows of several servers. */
export interface SharedGeneration extends OpenGeneration {
  /** All of history is in it, as of now; else it is being built, and is read by whoever takes what there is. */
  isWhole: boolean
}

/**
 * Which rows a process of this version reads and writes: those that serve, if they are of its shape, else those that are
 * being built in it; undefined: another version has taken over, or nobody has begun yet.
 */
export const ownRows = (
  { serving, building }: Register,
  shape: string,
): { generation: number; isWhole: boolean } | undefined => {
  if (serving?.shape === shape) return { generation: serving.generation, isWhole: true }
  return building?.shape === shape ? { generation: building.generation, isWhole: false } : undefined
}

/** A new set of rows, to be built; nobody is at it yet. What was begun in this shape is gone on with. */
export const withBuilding = (seen: Register, shape: string): Register => {
  if (seen.building?.shape === shape) return seen
  const generation = seen.newest + 1
  return { ...seen, newest: generation, building: { generation, shape }, isTidy: false }
}

/**
 * Rows of an empty history are whole at once. A history without a feed has lost the table that both the feed and the rows
 * lie in, or was restored beside an empty one: both are built anew.
 */
const firstRegister = ({ isEmpty, hasFeed }: { isEmpty: boolean; hasFeed: boolean }, shape: string): Register => {
  const first: GenerationOf = { generation: 1, shape }
  const rest = { turn: 0, newest: 1, isTidy: true, isFeedLost: !isEmpty && !hasFeed }
  return isEmpty ? { ...rest, serving: first } : { ...rest, building: first }
}

const isWithoutCommits = async (history: Pick<EventStore, 'scan'>): Promise<boolean> => {
  for await (const page of history.scan()) if (page.length > 0) return false
  return true
}

/** Throws the fault `storage-unusable` when the feed and the rows are of another history. */
const knownOrigin = async (history: Pick<EventStore, 'feed'>, register: Register | undefined) => {
  const elsewhere = 'the views table is of another history: give this history a new one, under a prefix of its own'
  try {
    const origin = await originOf(history)
    if (register?.origin !== undefined && register.origin !== origin) throw fault('storage-unusable', elsewhere)
    return origin
  } catch (error) {
    throw isFault(error, 'hole-in-history') ? fault('storage-unusable', elsewhere, error) : error
  }
}

/**
 * Sees to it that there are rows which this version can write: those that serve, or a set to be built. To be called before
 * anything is appended.
 */
export const prepareGenerations = async (
  generations: Pick<DynamoGenerations, 'read' | 'change'>,
  history: Pick<EventStore, 'feed' | 'scan'>,
  { log, shape = viewsShape }: { log: Log; shape?: string },
): Promise<void> => {
  const register = await generations.read()
  const origin = await knownOrigin(history, register)
  const hasFeed = origin !== undefined
  const isEmpty = register === undefined && !hasFeed && (await isWithoutCommits(history))
  const named = (next: Register): Register => (origin === undefined ? next : { ...next, origin })
  const written = await generations.change((seen) => {
    if (seen === undefined) return named(firstRegister({ isEmpty, hasFeed }, shape))
    if (ownRows(seen, shape) === undefined) return named(withBuilding(seen, shape))
    return seen.origin === undefined && origin !== undefined ? named(seen) : undefined
  })
  if (written?.building !== undefined)
    log.warn(
      { generation: written.building.generation, serving: written.serving?.generation, shape },
      'the views are built anew: those that serve are not of this version, or there are none',
    )
}

/** What was seen longer ago is looked up again; in an outage it does for longer, but not until it may have been given up. */
const [recentMs, knownMsMax] = [2_000, 60_000]

export interface FollowingOptions {
  generations: Pick<DynamoGenerations, 'read' | 'open'>
  log: Log
  /** How often it is looked which rows serve; 0: only when asked. Default 1 000. */
  everyMs?: number
  /** Other rows serve, or those that were being built are whole. */
  onSwitched?: () => Promise<void>
  /** The wall clock: it goes on while a process stands still. */
  nowMs?: () => number
  /** Default: of this version's views. */
  shape?: string
}

const opened = async (
  { generations, shape = viewsShape }: FollowingOptions,
  known?: SharedGeneration,
): Promise<SharedGeneration> => {
  const register = await generations.read()
  const own = register && ownRows(register, shape)
  if (own === undefined) throw fault('storage-unusable', notOurs(register))
  if (own.generation === known?.generation) return own.isWhole === known.isWhole ? known : { ...known, ...own }
  // What was open is not closed: it is of the same client, and somebody may still be reading.
  return { ...own, views: generations.open(own.generation) }
}

/** Which rows serve, as of the last look. */
const openSight = async (options: FollowingOptions) => {
  const { log, onSwitched = async () => {}, nowMs = Date.now } = options
  let lookedAtMs = nowMs()
  let serving = await opened(options)
  let told = serving
  let looking: Promise<void> | undefined
  const lookOnce = async (): Promise<void> => {
    const askedAtMs = nowMs()
    serving = await opened(options, serving)
    lookedAtMs = askedAtMs
  }
  const tell = async (): Promise<void> => {
    const { generation, isWhole } = serving
    log.info({ generation, isWhole, before: told.generation }, 'other rows of the views serve, or more of them')
    told = serving
    await onSwitched().catch((error: unknown) => {
      log.error({ generation, count: 1, err: error }, 'waiting readers were not told of other rows')
    })
  }
  return {
    serving: (): SharedGeneration => serving,
    /** The clock may have been put back, too. */
    isWithin: (ms: number): boolean => Math.abs(nowMs() - lookedAtMs) <= ms,
    looking: () => looking,
    look: async (): Promise<SharedGeneration> => {
      looking ??= lookOnce().finally(() => {
        looking = undefined
      })
      await looking
      // Not as part of the look: who is told may look again.
      if (told !== serving) await tell()
      return serving
    },
  }
}

/**
 * The rows that this process reads and writes, whoever switches to others. Throws the fault `storage-unusable` when there
 * are none of its shape.
 */
export const followGenerations = async (options: FollowingOptions) => {
  const { log, everyMs = 1_000 } = options
  const { serving, isWithin, looking, look } = await openSight(options)
  return {
    serving,
    views: (): LocalViews => serving().views,
    /** Which serve now, by a consistent read; a look under way may have been begun before. */
    look,
    /**
     * For who answers from rows: those that served a moment ago. A process that has stood still looks first: what it knew
     * may be given up by now.
     */
    recent: async (): Promise<SharedGeneration> => {
      if (isWithin(recentMs)) return serving()
      return look().catch((error: unknown) => {
        if (isWithin(knownMsMax)) return serving()
        throw error
      })
    },
    /** For who writes rows: those that serve at the time of asking, or later. */
    toWrite: async (): Promise<ViewStore> => {
      await looking()?.catch(() => {})
      return (await look()).views
    },
    stop: everyMs === 0 ? () => {} : looksNowAndThen(look, everyMs, log),
  }
}
export type Following = Awaited<ReturnType<typeof followGenerations>>

const notOurs = (register: Register | undefined): string =>
  register === undefined
    ? 'no rows of the views have been prepared yet: start a server first'
    : `the rows of the views are of another version (${register.serving?.shape ?? 'none'}): this process is of an older one, or none has begun to build its own`

/** An outage is told once; what was known serves on. */
const looksNowAndThen = (look: () => Promise<unknown>, everyMs: number, log: Log): (() => void) => {
  let isDown = false
  const timer = setInterval(() => {
    look().then(
      () => {
        isDown = false
      },
      (error: unknown) => {
        if (!isDown) log.error({ count: 1, err: error }, 'it cannot be looked which rows of the views serve')
        isDown = true
      },
    )
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
