import type { PutEventsRequestEntry } from '@aws-sdk/client-eventbridge'
import { type RecordedEvent, withoutContent } from '../../domain/event.ts'
import { cloudEvent } from '../../projections/publish.ts'

/** One event as the bus takes it. */
export interface Entry extends PutEventsRequestEntry {
  EventBusName: string
  Source: string
  DetailType: string
  Detail: string
  Resources: string[]
  Time: Date
}

/** Of one call, and so of one entry too: less than 256 KB, the total that holds in every region. */
export const callBytesMax = 256 * 1024 - 1
/** Of one call. */
export const callEntriesMax = 10

const timeBytes = 14

/** As the bus counts: the names in UTF-8, an instant as 14, and nothing for JSON around them. */
export const bytesOf = ({ Source, DetailType, Detail, Resources }: Entry): number =>
  [Source, DetailType, Detail, ...Resources].reduce((sum, text) => sum + Buffer.byteLength(text), timeBytes)

type Envelope = Omit<ReturnType<typeof cloudEvent>, 'data'> & ({ data: unknown } | { dataref: string })

const entryOf = (event: RecordedEvent, envelope: Envelope, busName: string): Entry => ({
  EventBusName: busName,
  Source: envelope.source,
  DetailType: event.type,
  Time: new Date(event.at),
  Resources: [event.stream],
  Detail: JSON.stringify(envelope),
})

/** The whole event: a CloudEvent with its data in it. A message is named by its hash, as everywhere but where it is asked for. */
export const wholeEntry = (event: RecordedEvent, busName: string): Entry =>
  entryOf(event, cloudEvent(withoutContent(event)), busName)

/** The event without its data, which lie where `dataref` says (CloudEvents' extension of that name). */
export const referringEntry = (event: RecordedEvent, busName: string, dataref: string): Entry => {
  const { data: _, ...attributes } = cloudEvent(event)
  return entryOf(event, { ...attributes, dataref }, busName)
}

/** As few calls as their order allows: each within both limits. */
export const callsOf = <Job extends { entry: Entry; isAlone: boolean }>(jobs: readonly Job[]): readonly Job[][] => {
  const calls: Job[][] = []
  let bytes = 0
  for (const job of jobs) {
    const own = bytesOf(job.entry)
    const last = calls.at(-1)
    const hasRoom = last !== undefined && last.length < callEntriesMax && bytes + own <= callBytesMax
    if (!hasRoom || job.isAlone || last.some(({ isAlone }) => isAlone)) {
      calls.push([job])
      bytes = own
    } else {
      last.push(job)
      bytes += own
    }
  }
  return calls
}
