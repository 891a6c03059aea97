import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { isAlive, start } from '../adapters/programs.ts'

const directoryIn = (text: string) => /its history in (\S+)\/data /.exec(text)?.[1] ?? ''
const pidsIn = (text: string) => [...text.matchAll(/\(pid (\d+)\)/g)].map(([, pid]) => Number(pid))

test('the demonstration does what it says, and leaves nothing behind', async () => {
  const demo = start(['demo', '--once'])
  expect(await demo.ended, demo.output.stderr).toBe(0)
  const { stdout } = demo.output
  for (const said of [
    '10 registered',
    'interval-conflict',
    'verdict      passed',
    'queued → active',
    'attempt 1 failed',
    'was killed (kill -9) while it ran cycles',
    'refused (stale-epoch), and kept as evidence',
    'every hash follows',
  ])
    expect(stdout).toContain(said)
  expect(stdout).toMatch(/All of it did what it says, in \d+\.\d s\.\n$/)
  expect(pidsIn(stdout)).toHaveLength(4)
  expect(pidsIn(stdout).filter(isAlive)).toEqual([])
  expect(directoryIn(stdout)).not.toBe('')
  expect(existsSync(directoryIn(stdout))).toBe(false)
}, 60_000)

test('interrupted in the middle, it ends what it has started', async () => {
  const demo = start(['demo', '--once'])
  await demo.says(/agent-boards \(pid \d+\)/)
  demo.signal('SIGINT')
  expect(await demo.ended).toBe(1)
  expect(pidsIn(demo.output.stdout).filter(isAlive)).toEqual([])
  expect(existsSync(directoryIn(demo.output.stdout))).toBe(false)
}, 60_000)
