/** `benchplane redrive`: the consumers' handlers, fed with dead letters. */
import type { RedrivenLetter, RedriveOptions } from '../adapters/cli/house.ts'
import { connect } from '../adapters/dynamodb/client.ts'
import { openStoredRecords } from '../adapters/dynamodb/storedRecords.ts'
import { recordsIn } from '../adapters/dynamodb/streamRange.ts'
import type { StreamHandler } from '../projections/handler.ts'
import { type FoundLetter, isRange, type Letters, type StreamConsumer } from '../projections/letters.ts'
import { openBus } from './bus.ts'
import { cannotOpen } from './cannotOpen.ts'
import type { BatchPorts } from './consumers/batch.ts'
import { openProjectConsumer } from './consumers/project.ts'
import { openPublishConsumer, type PublishConsumerPorts } from './consumers/publish.ts'
import { type RedrivePorts, redrive } from './consumers/redrive.ts'
import { redriveFeed } from './consumers/redriveFeed.ts'
import { openCounters } from './counters.ts'
import { noLog } from './log.ts'
import { type Following, followGenerations } from './shared/generations.ts'
import { openSharedStores, type SharedStores } from './shared/stores.ts'

/** Redrives what there is, one letter after the other. Throws the fault `storage-unusable` when letters can't be read, an exit as `serve` has it when the tables can't be opened. */
export const redriveLetters = async (options: RedriveOptions): Promise<readonly RedrivenLetter[]> => {
  const place = options.tablePrefix === undefined ? {} : { tablePrefix: options.tablePrefix }
  const stores = await openSharedStores(place).catch((error: unknown) => {
    throw cannotOpen(error)
  })
  const client = connect()
  const bus = options.bus === undefined ? undefined : await openBus(options.bus, options.bucket)
  try {
    const source = await openSource(options, stores)
    const handlerOf = handlersOf(stores, bus?.publisher)
    const stored = openStoredRecords({ ...place, client })
    const ports = { handlerOf, stored, letters: source.letters, recordsIn: rangesOf(stores) }
    const redriven = options.feed === true ? redriveLacking(ports, source, stores, bus !== undefined) : undefined
    return await (redriven ?? redriveAll(ports, source, options.limit)).finally(source.close)
  } finally {
    bus?.close()
    client.destroy()
    await stores.close()
  }
}

const rangesOf =
  ({ streams }: SharedStores): RedrivePorts['recordsIn'] =>
  (...asked) =>
    recordsIn(streams, ...asked)

/** Where letters lie. */
interface Source {
  letters: Letters
  found: () => AsyncIterable<FoundLetter>
  /** What was found, and is no letter. */
  others: readonly RedrivenLetter[]
  close: () => void
}

const openSource = async ({ queue, consumer }: RedriveOptions, { streamLetters }: SharedStores): Promise<Source> => {
  if (queue === undefined) return { letters: streamLetters, found: streamLetters.found, others: [], close: () => {} }
  const [queues, { lettersIn, openLetterQueue }] = await Promise.all([
    import('../adapters/sqs/client.ts'),
    import('../adapters/sqs/letters.ts'),
  ])
  const place = { client: queues.connect(), queueUrl: queue }
  const others: RedrivenLetter[] = []
  const onOther = (letter: string, reason: string): void => void others.push({ letter, outcome: 'left', reason })
  return {
    letters: openLetterQueue(place),
    found: () => lettersIn({ ...place, consumer, onOther }),
    others,
    close: () => place.client.destroy(),
  }
}

const redriveAll = async (ports: RedrivePorts, source: Source, limit: number): Promise<readonly RedrivenLetter[]> => {
  const told: RedrivenLetter[] = []
  for await (const found of source.found()) {
    const answer = await redrive(ports, found)
    told.push({ letter: nameOf(found.letter), outcome: answer.kind, reason: reasonIn(answer) })
    if (told.length >= limit) break
  }
  return [...told, ...source.others]
}

/** What the feed lacks; then no range that `project` has lost is needed any more. */
const redriveLacking = async (
  ports: RedrivePorts,
  source: Source,
  { history, feed }: SharedStores,
  hasBus: boolean,
): Promise<readonly RedrivenLetter[]> => {
  // Before the feed names it: what is begun again after an outage is lacking there still.
  const consumers: readonly StreamConsumer[] = hasBus ? ['publish', 'project'] : ['project']
  const begunAt = new Date().toISOString()
  const handlers = consumers.map((consumer) => ports.handlerOf(consumer, ports.letters))
  try {
    const { commitCount, lackingCount } = await redriveFeed({ ...ports, history, feed, handlers })
    const reason = `${lackingCount} of ${commitCount} commits were lacking`
    return [{ letter: 'the feed', outcome: 'done', reason }, ...(await madeGood(source, begunAt))]
  } catch (error) {
    return [{ letter: 'the feed', outcome: 'failed', reason: error instanceof Error ? error.message : String(error) }]
  }
}

const madeGood = async ({ found, others }: Source, begunAt: string): Promise<readonly RedrivenLetter[]> => {
  const told: RedrivenLetter[] = []
  for await (const { letter, remove } of found()) {
    if (!isRange(letter) || letter.consumer !== 'project' || letter.at >= begunAt) continue
    await remove()
    told.push({ letter: nameOf(letter), outcome: 'done', reason: '' })
  }
  return [...told, ...others]
}

const nameOf = (letter: FoundLetter['letter']): string =>
  isRange(letter)
    ? `${letter.consumer} ${letter.shardId} ${letter.startSequenceNumber} to ${letter.endSequenceNumber}`
    : `${letter.consumer} ${letter.stream}@${letter.version}`

const reasonIn = (answer: Awaited<ReturnType<typeof redrive>>): string => {
  if (answer.kind !== 'done') return answer.reason
  return answer.keptCount === 0 ? '' : `${answer.keptCount} of ${answer.recordCount} commits are put aside one by one`
}

const handlersOf = (
  { generations, history, feed }: SharedStores,
  publisher: PublishConsumerPorts['publisher'] | undefined,
): RedrivePorts['handlerOf'] => {
  let following: Promise<Following> | undefined
  const views = async () => {
    following ??= followGenerations({ generations, log: noLog, everyMs: 0 })
    return (await following).toWrite()
  }
  const openers: Readonly<Record<StreamConsumer, (batch: BatchPorts) => StreamHandler>> = {
    project: (batch) => openProjectConsumer({ ...batch, history, feed, views }),
    publish: (batch) => {
      if (publisher === undefined) throw new Error('on which bus? name it by --bus')
      return openPublishConsumer({ ...batch, publisher })
    },
  }
  const now = () => new Date().toISOString()
  return (consumer, letters) => openers[consumer]({ letters, log: noLog, counters: openCounters(), now })
}
