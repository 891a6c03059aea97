import type { ExitCode } from './exits.ts'

/** What the composition root does for this command line: a client has no server in it. */
export interface House {
  serve(options: ServeOptions): Promise<ExitCode>
  demo(options: { once: boolean }): Promise<ExitCode>
}

/** As given; what was not given comes from the environment, the file or the defaults. */
export interface ServeOptions {
  host?: string
  port?: number
  data?: string
  store?: string
  config?: string
  printConfig?: boolean
}
