import { stuckMsMax, stuckReason } from '../status.ts'
import type { PreparedShared, RunningShared } from './parts.ts'
import { probed } from './stores.ts'

/**
 * Why nobody should be sent here now; each reason passes by itself once its cause has. That history could not be written is
 * forgotten when it can be read: nobody may be sent here until then, so no command would find out.
 */
export const openReadiness = (given: PreparedShared, parts: RunningShared): (() => string | undefined) => {
  let asking: Promise<void> | undefined
  const askAgain = (): void => {
    const answered = given.stores.history.load(probed).then(parts.forgive, () => {})
    asking ??= answered.finally(() => {
      asking = undefined
    })
  }
  return () => {
    const reason = unreadyReason(given, parts)
    if (parts.failure() !== undefined && asking === undefined) askAgain()
    return reason
  }
}

const unreadyReason = (given: PreparedShared, parts: RunningShared): string | undefined =>
  parts.closing.signal.aborted
    ? 'the house is closing'
    : (unread(given, parts) ?? unseen(given, parts) ?? parts.failure())

/** What this server reads: the feed's end, and rows that are whole. */
const unread = ({ now, following }: PreparedShared, { follower, rebuilding }: RunningShared): string | undefined => {
  const stuck = stuckReason(follower.stuck(), now(), 'the feed cannot be followed')
  if (stuck !== undefined) return stuck
  if (!following.serving().isWhole) {
    const { commitCount, commitCountTotal } = rebuilding.status()
    return `the views are being built from history: ${commitCount} commits of about ${commitCountTotal}`
  }
  return follower.hasCaughtUp() ? undefined : 'the end of the feed has not been reached yet'
}

/** What brings this server's commits into the views and the feed, wherever that runs. */
const unseen = ({ now, keeps, leaseClock }: PreparedShared, { duties, own }: RunningShared): string | undefined => {
  if (keeps && !leaseClock.isKept()) return 'no server writes the lease clock: it is waited for, or taken over'
  const stuck = stuckReason(duties.term()?.runner.stuck(), now(), 'the stream of history cannot be followed')
  if (stuck !== undefined) return stuck
  const waitedMs = own.waitedMs()
  if (waitedMs <= stuckMsMax) return undefined
  return `commits of this server have not come into the views for ${Math.round(waitedMs / 1_000)} s`
}
