import { type LogAppended, type LogKey, type LogStore, logBytesMax } from '../../domain/ports.ts'

/** Logs in this process's memory: for tests and try-outs. */
export const openLogs = () => {
  const logs = new Map<string, Buffer>()
  const followers = new Map<string, Set<() => void>>()

  const append = (name: string, offset: number, bytes: Uint8Array): LogAppended => {
    const before = logs.get(name) ?? Buffer.alloc(0)
    if (offset > before.length) return { kind: 'gap', expected: before.length }
    const news = bytes.subarray(before.length - offset)
    if (before.length + news.length > logBytesMax) return { kind: 'full', size: before.length }
    if (news.length > 0) {
      logs.set(name, Buffer.concat([before, news]))
      for (const onGrown of followers.get(name) ?? []) onGrown()
    }
    return { kind: 'appended', size: before.length + news.length }
  }

  return {
    append: async (key, offset, bytes) => append(nameOf(key), offset, bytes),
    read: async (key, offset, limit) => logs.get(nameOf(key))?.subarray(offset, offset + limit) ?? Buffer.alloc(0),
    follow: (key, onGrown) => {
      const name = nameOf(key)
      followers.set(name, (followers.get(name) ?? new Set()).add(onGrown))
      return () => {
        followers.get(name)?.delete(onGrown)
        if (followers.get(name)?.size === 0) followers.delete(name)
      }
    },
  } satisfies LogStore
}

const nameOf = ({ tenant, executionId, taskName, attempt }: LogKey): string =>
  [tenant, executionId, taskName, attempt].join('/')
