/** As pino has it: facts, then a message. Lines about a command carry its correlationId. */
export interface Log {
  debug: (facts: object, message: string) => void
  info: (facts: object, message: string) => void
  warn: (facts: object, message: string) => void
  error: (facts: object, message: string) => void
}

const quiet = () => {}
export const noLog: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet }
