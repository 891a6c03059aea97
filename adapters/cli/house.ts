import type { ExitCode } from './exits.ts'

/** What the composition root does for this command line: a client has no server in it. */
export interface House {
  serve(options: ServeOptions): Promise<ExitCode>
  demo(options: { once: boolean }): Promise<ExitCode>
  redrive(options: RedriveOptions): Promise<readonly RedrivenLetter[]>
}

/** Where dead letters are, and what their consumers need; the rest is the SDK's own settings. */
export interface RedriveOptions {
  /** Default: the rows that a server without queues keeps them in. */
  queue?: string
  consumer?: 'project' | 'publish'
  tablePrefix?: string
  /** Where what `publish` could not do is published. */
  bus?: string
  bucket?: string
  /** Not letters: what is in history, and not in the feed. */
  feed?: boolean
  limit: number
}

/** What became of one letter. `left`: it is no letter of a consumer, and lies where it was. */
export interface RedrivenLetter {
  letter: string
  outcome: 'done' | 'failed' | 'gone' | 'left'
  reason: string
}

/** As given; what was not given comes from the environment, the file or the defaults. */
export interface ServeOptions {
  host?: string
  port?: number
  data?: string
  store?: string
  createTables?: boolean
  config?: string
  printConfig?: boolean
}
