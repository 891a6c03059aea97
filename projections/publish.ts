/** Events as the outside is shown them: by the API, and as CloudEvents that follow or are sent. */
import type { RecordedEvent } from '../domain/event.ts'
import { eventId, withoutTenant } from '../domain/ids.ts'

/** An event as the API shows it. */
export const shownEvent = ({ stream, version, ...event }: RecordedEvent) => ({
  eventId: eventId(stream, version),
  tenant: stream.slice(0, stream.indexOf('/')),
  stream: withoutTenant(stream),
  version,
  ...event,
})

/** CloudEvents 1.0: the event's own data, and what else is known of it as extension attributes. */
export const cloudEvent = (event: RecordedEvent) => {
  const { eventId: id, tenant, stream, version, type, at, data, ...rest } = shownEvent(event)
  const { schemaVersion, actor, commandId, correlationId, causationId, traceparent } = rest
  return {
    specversion: '1.0',
    id,
    source: `benchplane/${tenant}`,
    type: `benchplane.${type}`,
    subject: stream,
    time: at,
    datacontenttype: 'application/json',
    streamversion: version,
    schemaversion: schemaVersion,
    actorkind: actor.kind,
    actorid: actor.id,
    commandid: commandId,
    correlationid: correlationId,
    ...(causationId === undefined ? {} : { causationid: causationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
    data,
  }
}
