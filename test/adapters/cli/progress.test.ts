import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { startProgress } from '../../../adapters/cli/progress.ts'
import { processTerminal } from '../../../adapters/cli/terminal.ts'

const program = `
  import { startProgress } from './adapters/cli/progress.ts'
  import { processTerminal } from './adapters/cli/terminal.ts'
  const terminal = { ...processTerminal(), isWatched: true }
  Object.defineProperty(process.stderr, 'isTTY', { value: true })
  const progress = startProgress(terminal)
  progress.at(0, 4, 'begun')
  setTimeout(() => progress.at(1, 4, 'first'), 1_300)
  setTimeout(() => progress.line(() => terminal.err('a line')), 1_500)
  setTimeout(() => progress.at(2, 4, 'second'), 1_900)
  setTimeout(() => progress.end(), 2_100)`

test('a bar comes after a second, makes way for lines, and leaves no trace', async () => {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let drawn = ''
  child.stderr.on('data', (chunk) => (drawn += String(chunk)))
  expect((await once(child, 'close'))[0]).toBe(0)
  const frames = drawn.split(/\u001b8\u001b\[1G\u001b\[2K/)
  expect(frames).toHaveLength(3)
  expect(frames[0]).toMatch(/0% 0\/4 begun.*25% 1\/4 first/)
  expect(frames[1]).toMatch(/^a line\n.*50% 2\/4 second/s)
  expect(frames[2]).toBe('')
  expect(drawn).not.toMatch(/\?25l|\?7l/)
})

test('when nobody watches there is none, but its lines', () => {
  const lines: string[] = []
  const progress = startProgress({ ...processTerminal(), isWatched: false })
  progress.at(1, 2, 'x')
  progress.line(() => lines.push('a line'))
  progress.end()
  expect(lines).toEqual(['a line'])
})
