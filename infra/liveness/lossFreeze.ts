import { type Instant, plusMs } from '../../domain/ids.ts'
import type { LossFreeze } from '../../projections/services.ts'
import type { Log } from '../log.ts'

/** Of fewer workers than this, silence says nothing about ourselves. */
const workerCountMin = 5

export interface FreezePorts {
  /** The freeze ends by itself after so long; 0: there is none. */
  lossFreezeMsMax: number
  now: () => Instant
  log: Log
}

/** What outlives the one who judges: told to who judges next. */
export interface FreezeMark {
  /** Since when it is in force. `untilMs`: on the lease clock. */
  frozen?: { since: Instant; untilMs: number } | undefined
  /** It has ended while the silence lasted: no other until that is over. */
  isSpent: boolean
}

interface State extends FreezeMark {
  silentCount: number
  workerCount: number
  /** On the lease clock, at the last judgement. */
  atMs: number
}

/**
 * When more than half of the workers are silent at once, the fault is more likely ours (the network, the server) than
 * theirs: nobody is declared lost until they are back, or for `lossFreezeMsMax`, or until an operator lifts it.
 */
export const openLossFreeze = (ports: FreezePorts) => {
  const { lossFreezeMsMax, now, log } = ports
  const state: State = { frozen: undefined, isSpent: false, silentCount: 0, workerCount: 0, atMs: 0 }
  const status = (): LossFreeze => {
    const { frozen, silentCount, workerCount, atMs } = state
    if (frozen === undefined) return { frozen: false, silentCount, workerCount }
    const until = plusMs(now(), Math.max(0, frozen.untilMs - atMs))
    return { frozen: true, since: frozen.since, until, silentCount, workerCount }
  }
  const end = (why: string, level: 'info' | 'warn'): void => {
    log[level]({ ...status(), why }, 'workers that stay silent are declared lost again')
    state.frozen = undefined
  }
  return {
    status,
    mark: (): FreezeMark => ({ frozen: state.frozen, isSpent: state.isSpent }),
    /** Goes on with what another has judged before. */
    inherit: ({ frozen, isSpent }: FreezeMark): void => {
      Object.assign(state, { frozen, isSpent })
    },
    /** Whether nobody is to be declared lost now. */
    judge: (silentCount: number, workerCount: number, atMs: number): boolean => {
      Object.assign(state, { silentCount, workerCount, atMs })
      const isMassSilence = workerCount >= workerCountMin && silentCount * 2 > workerCount
      if (!isMassSilence) {
        if (state.frozen !== undefined) end('they are back', 'info')
        state.isSpent = false
        return false
      }
      if (state.frozen !== undefined && state.frozen.untilMs <= atMs) {
        end('it has lasted for as long as it may', 'warn')
        state.isSpent = true
      }
      if (state.frozen === undefined && !state.isSpent && lossFreezeMsMax > 0) {
        state.frozen = { since: now(), untilMs: atMs + lossFreezeMsMax }
        log.error(status(), 'most workers are silent: nobody is declared lost until they are back, or this is lifted')
      }
      return state.frozen !== undefined
    },
    /** By an operator: they are lost indeed. */
    lift: (): LossFreeze => {
      if (state.frozen !== undefined) {
        end('an operator has lifted the freeze', 'warn')
        state.isSpent = true
      }
      return status()
    },
  }
}
export type OpenLossFreeze = ReturnType<typeof openLossFreeze>
