import { commitBytesMax } from './ports.ts'

/** Outages and damage that have a name: thrown, never returned. `code` tells them apart across module copies. */
export interface Fault extends Error {
  code: 'too-large' | 'hole-in-history' | 'storage-full' | 'storage-unusable'
}

export const fault = (code: Fault['code'], message: string, cause?: unknown): Fault =>
  Object.assign(new Error(message, cause === undefined ? {} : { cause }), { code })

export const isFault = (error: unknown, code: Fault['code']): error is Fault =>
  error instanceof Error && 'code' in error && error.code === code

/** A commit's bytes would pass `commitBytesMax`; nothing was written. */
export const tooLarge = (stream: string, bytes: number): Fault =>
  fault('too-large', `a commit of ${bytes} bytes on ${stream}: at most ${commitBytesMax}`)

/** The history of a stream misses a version: it has been damaged, and no decision may be taken on it. */
export const holeInHistory = (stream: string, expected: number, found: number): Fault =>
  fault('hole-in-history', `${stream}: version ${expected} is missing, found ${found}`)
