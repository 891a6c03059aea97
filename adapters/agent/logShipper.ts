import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { cutText } from './utf8.ts'

/** Read at a time, and sent at a time: escaped in JSON it stays below the server's 1 MB. */
const chunkBytesMax = 64 * 1024
/** How old a line may be before it is sent. */
const lookEveryMs = 150

/**
 * Sends one piece of the log, at its byte offset, until it is taken. Answers where the log goes on: after the piece, or
 * earlier if the server has lost something; undefined when it does not want this attempt's log any more.
 */
export type SendLog = (offset: number, text: string) => Promise<number | undefined>

export interface LogShipper {
  /** The file will not grow any more: resolves once all of it is sent, or is not wanted. */
  finish(): Promise<void>
}

/** Ships a file while it grows. What is not sent yet waits on the disk, so no output can fill the memory. */
export const shipLog = (path: string, send: SendLog): LogShipper => {
  const finished = new AbortController()
  const shipping = ship(path, send, finished.signal)
  // Told by `finish`, which may come much later.
  shipping.catch(() => undefined)
  return {
    finish: () => {
      finished.abort()
      return shipping
    },
  }
}

const ship = async (path: string, send: SendLog, finished: AbortSignal): Promise<void> => {
  await using file = await open(path, 'a+')
  const buffer = Buffer.allocUnsafe(chunkBytesMax)
  for (let offset: number | undefined = 0; offset !== undefined; ) {
    const isFinished = finished.aborted
    const { text, byteCount } = await read(file, buffer, offset, isFinished)
    if (byteCount > 0) offset = await send(offset, text)
    else if (isFinished) return
    else await sleep(lookEveryMs, undefined, { signal: finished }).catch(() => undefined)
  }
}

const read = async (file: FileHandle, buffer: Buffer, offset: number, isFinished: boolean) => {
  const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
  return cutText(buffer.subarray(0, bytesRead), isFinished && bytesRead < buffer.length)
}
