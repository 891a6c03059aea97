import { fault } from '../../domain/faults.ts'

export interface Group<Item, Answer> {
  /** Resolves when the item's group is written. Rejects, with the whole group, when that fails. */
  add(item: Item): Promise<Answer>
  /** Writes at once what is waiting. */
  flush(): void
}

interface Waiting<Item, Answer> {
  item: Item
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/** Items of one group: keeps a flush, which blocks the event loop, in the order of 10 ms. */
const groupCountMax = 1_000
/** Items waiting: more means that the disk does not keep up, and that answers would come too late for anybody. */
const waitingCountMax = 10_000

/**
 * Group commit: whatever is added in one turn of the event loop is written together, so that durability costs one
 * transaction and one fsync for all of it. The flush runs right after the turn's I/O (setImmediate): a lone item waits
 * about 1 µs, and the requests that arrived together are all in. A microtask would run between them.
 * `write` answers each item in order, or throws for all. `onWritten` runs after the answers were given.
 */
export const openGroup = <Item, Answer>(
  write: (items: readonly Item[]) => readonly Answer[],
  onWritten: (answers: readonly Answer[]) => void,
): Group<Item, Answer> => {
  let waiting: Array<Waiting<Item, Answer>> = []

  const flushOne = (): void => {
    const group = waiting.length > groupCountMax ? waiting.splice(0, groupCountMax) : waiting
    if (group === waiting) waiting = []
    else setImmediate(flushOne)
    if (group.length > 0) settle(group)
  }

  const settle = (group: ReadonlyArray<Waiting<Item, Answer>>): void => {
    let answers: readonly Answer[]
    try {
      answers = write(group.map(({ item }) => item))
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    answers.forEach((answer, index) => group[index]?.resolve(answer))
    onWritten(answers)
  }

  return {
    add: (item) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= waitingCountMax) {
          reject(fault('storage-unusable', `the history is busy: ${waiting.length} appends are waiting to be written`))
          return
        }
        if (waiting.push({ item, resolve, reject }) === 1) setImmediate(flushOne)
      }),
    flush: () => {
      while (waiting.length > 0) flushOne()
    },
  }
}
