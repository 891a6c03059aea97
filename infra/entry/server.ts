/** `benchplane serve` as one file, told everything by its environment: for servers that have nothing else of the project. */
import { exits, isExit } from '../../adapters/cli/exits.ts'
import { processTerminal } from '../../adapters/cli/terminal.ts'
import { serve } from '../serve.ts'

const terminal = processTerminal()

try {
  process.exitCode = await serve({}, terminal)
} catch (error) {
  terminal.err(['error:', error instanceof Error ? error.message : String(error)].join(' '))
  if (isExit(error)) for (const line of error.details) terminal.err(line)
  process.exitCode = isExit(error) ? error.exitCode : exits.failed
}
