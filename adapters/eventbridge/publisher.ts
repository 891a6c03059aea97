import { setTimeout as wait } from 'node:timers/promises'
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { type Commit, eventsOf, type RecordedEvent } from '../../domain/event.ts'
import { eventId } from '../../domain/ids.ts'
import { isRefusal, reasonOf } from '../awsConnection.ts'
import { bytesOf, callBytesMax, callsOf, type Entry, referringEntry, wholeEntry } from './entries.ts'

/**
 * Where the data of an event lie that are too large for the bus. `put` answers how they are found (a URI, for instance
 * `s3://bucket/key`); the same event again may be put again, with the same bytes under the same key. Rejects for an outage.
 */
export interface Payloads {
  put(key: string, json: string): Promise<string>
}

export interface PublisherPorts {
  client: Pick<EventBridgeClient, 'send'>
  busName: string
  payloads: Payloads
  /** Rounds of one `publish`, counting the first; the SDK's retries of a single call are beside these. Default 5. */
  attemptCountMax?: number
  /** The pause before the second round is at most this, before each further one twice the last. Default 100. */
  pauseMs?: number
  /** All of one `publish`. Default 20 000. */
  givenMs?: number
}

/** An event that is not on the bus. `isFinal`: it will not be taken as it is; else an outage, or throttling, went on for too long. */
export interface Failure {
  /** Of its commit among those given. */
  index: number
  eventId: string
  error: string
  isFinal: boolean
}

export interface Published {
  sentCount: number
  failures: readonly Failure[]
  /** The lowest index of a commit that is not wholly on the bus: what a consumer of a stream reports. Absent: all are. */
  failedIndex?: number
}

interface Job {
  index: number
  event: RecordedEvent
  /** A call that it was part of was refused as a whole: whether for its sake, only a call of its own tells. */
  isAlone: boolean
}
type ReadyJob = Job & { entry: Entry }
type Failed = { job: Job } & Pick<Failure, 'error' | 'isFinal'>

const callsAtOnceMax = 4

/**
 * Publishes the events of commits as CloudEvents, each at least once and in no particular order: who consumes them tells
 * repeats by `id`. Only what failed is sent again. Never rejects: what could not be published is in the answer.
 */
export const openPublisher = (ports: PublisherPorts) => {
  const { attemptCountMax = 5, pauseMs = 100, givenMs = 20_000 } = ports
  const publish = async (commits: readonly Commit[]): Promise<Published> => {
    const given = AbortSignal.timeout(givenMs)
    const jobs = commits.flatMap((commit, index) => eventsOf(commit).map((event) => ({ index, event, isAlone: false })))
    const failures: Failed[] = []
    let waiting: readonly Job[] = jobs
    for (let attempt = 1; waiting.length > 0; attempt++) {
      const failed = await sendAll(ports, waiting, given)
      const isLast = attempt === attemptCountMax || given.aborted
      failures.push(...failed.filter(({ isFinal }) => isFinal || isLast))
      waiting = isLast ? [] : failed.filter(({ isFinal }) => !isFinal).map(({ job }) => job)
      if (waiting.length > 0) await pause(pauseMs * 2 ** (attempt - 1), given)
    }
    return told(jobs.length, failures)
  }
  return { publish }
}

/** Anywhere below `ms`, so that those who were throttled together do not come back together. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(Math.random() * ms, undefined, { signal }).catch(() => undefined)

const told = (jobCount: number, failed: readonly Failed[]): Published => {
  const failures = failed
    .map(({ job: { index, event }, error, isFinal }) => {
      return { index, eventId: eventId(event.stream, event.version), error, isFinal }
    })
    .sort((a, b) => a.index - b.index)
  const sentCount = jobCount - failures.length
  const [first] = failures
  return first === undefined ? { sentCount, failures } : { sentCount, failures, failedIndex: first.index }
}

/** One round; answers what has failed. */
const sendAll = async (
  ports: PublisherPorts,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<readonly Failed[]> => {
  const failed: Failed[] = []
  const ready: ReadyJob[] = []
  for (const job of jobs)
    try {
      ready.push({ ...job, entry: await entryFor(ports, job.event) })
    } catch (error) {
      failed.push({ job, error: `its data cannot be put aside: ${reasonOf(error)}`, isFinal: false })
    }
  const calls = callsOf(ready)
  for (let at = 0; at < calls.length; at += callsAtOnceMax) {
    const sent = calls.slice(at, at + callsAtOnceMax).map((call) => send(ports, call, signal))
    failed.push(...(await Promise.all(sent)).flat())
  }
  return failed
}

const entryFor = async ({ busName, payloads }: PublisherPorts, event: RecordedEvent): Promise<Entry> => {
  const entry = wholeEntry(event, busName)
  if (bytesOf(entry) <= callBytesMax) return entry
  const dataref = await payloads.put(`${event.stream}/${event.version}.json`, JSON.stringify(event.data))
  return referringEntry(event, busName, dataref)
}

/**
 * What a retry would not change about an entry; whatever else is told of one passes. So does that we may not publish: it is
 * said of the bus and its policy, not of the entry, and setting aside one after the other would empty the stream.
 */
const finalCodes = /^(?:Invalid(?!AccountId)|Malformed)/
/** The same, told of a whole call; and that nobody knows the bus, or us. */
const passing =
  /^(?:AccessDenied|NotAuthorized|ResourceNotFound|UnrecognizedClient|InvalidSignature|InvalidClientTokenId|IncompleteSignature|MissingAuthenticationToken)/

const isFinalError = (error: unknown): boolean =>
  isRefusal(error) && !(error instanceof Error && passing.test(error.name))

const send = async (ports: PublisherPorts, call: readonly ReadyJob[], signal: AbortSignal): Promise<Failed[]> => {
  try {
    const command = new PutEventsCommand({ Entries: call.map(({ entry }) => entry) })
    const { Entries = [] } = await ports.client.send(command, { abortSignal: signal })
    return call.flatMap((job, index) => {
      const { EventId, ErrorCode = 'not answered', ErrorMessage = '' } = Entries[index] ?? {}
      if (EventId !== undefined) return []
      return [{ job, error: `${ErrorCode}: ${ErrorMessage}`, isFinal: finalCodes.test(ErrorCode) }]
    })
  } catch (error) {
    const isFinal = isFinalError(error)
    if (isFinal && call.length > 1) return call.map((job) => failedOf({ ...job, isAlone: true }, error, false))
    return call.map((job) => failedOf(job, error, isFinal))
  }
}

const failedOf = (job: Job, error: unknown, isFinal: boolean): Failed => ({ job, error: reasonOf(error), isFinal })
