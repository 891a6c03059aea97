#!/usr/bin/env -S node --max-semi-space-size=16 --max-old-space-size=384
/** The program: what serves is composed here, everything else is the command line's, which knows the server by its API alone. */
import { main } from '../adapters/cli/main.ts'
import { processTerminal } from '../adapters/cli/terminal.ts'

const terminal = processTerminal()

process.exitCode = await main(process.argv.slice(2), terminal, {
  serve: async (options) => (await import('./serve.ts')).serve(options, terminal),
  redrive: async (options) => (await import('./redrive.ts')).redriveLetters(options),
  demo: async (options) => (await import('./demo.ts')).demo(options, terminal),
})
