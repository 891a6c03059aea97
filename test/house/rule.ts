import type { Tree } from './tree.ts'

export interface Violation {
  file: string
  line?: number
  /** What is wrong, and what to do instead. */
  message: string
}

/** One line of the house rules: pure, so that a few made-up files can prove that it bites. */
export interface Rule {
  /** A fact about the code. */
  name: string
  why: string
  /** Globs of the files it speaks of. Each must match some file, or the rule has gone blind. */
  appliesTo: readonly string[]
  check(tree: Tree, exceptions: Exceptions): readonly Violation[]
}

/** What is allowed to differ. Every entry must still be needed: one that is not is a violation itself. */
export interface Exceptions {
  /** Rooms that are drawn but not built: globs inside them may match nothing yet, and a store may lack a file named here. */
  notBuiltYet: readonly { room: string; reason: string }[]
  /** Files of one store that no other store needs. */
  mediumSpecific: readonly { file: string; reason: string }[]
  /** Imports across a wall. */
  imports: readonly { from: string; to: string; reason: string }[]
  /** Files and functions over the limit, at exactly the size they have: `lines` only goes down, then the entry goes. */
  oversized: readonly { file: string; name?: string; lines: number; reason: string }[]
}

export const noExceptions: Exceptions = { notBuiltYet: [], mediumSpecific: [], imports: [], oversized: [] }

export const inWords = ({ file, line, message }: Violation): string =>
  `${file}${line === undefined ? '' : `:${line}`}  ${message}`
