import { z } from 'zod'
import { isStreamKind, type StreamName } from '../../domain/ids.ts'

/** What is relied on of an event of the bus, as it comes through a queue: where in history it is. */
const Notice = z.object({
  detail: z.object({
    source: z.string().max(200).startsWith('benchplane/'),
    subject: z.string().max(300),
    streamversion: z.int().min(1),
  }),
})

/** Throws for what is none of our events, naming the field. */
export const positionIn = (body: string): { stream: StreamName; version: number } => {
  const parsed = Notice.safeParse(json(body))
  if (!parsed.success) throw new Error(`no event of ours: ${z.prettifyError(parsed.error)}`)
  const { source, subject, streamversion } = parsed.data.detail
  const tenant = source.slice(source.indexOf('/') + 1)
  const [kind = '', id = '', ...more] = subject.split('/')
  if (!isStreamKind(kind) || id === '' || more.length > 0 || tenant === '' || tenant.includes('/'))
    throw new Error(`no event of ours: detail.subject is no stream: ${subject.slice(0, 80)}`)
  return { stream: `${tenant}/${subject}`, version: streamversion }
}

const json = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
