import { expect, test } from 'vitest'
import { openHouse, run } from '../programs.ts'

const topics =
  'serve demo agent bench apply reserve reservation run execution worker history views events redrive'.split(' ')

test('help is there at once', async () => {
  const times: number[] = []
  for (let n = 0; n < 10; n++) {
    const startedAt = performance.now()
    expect((await run(['--help'])).code).toBe(0)
    times.push(performance.now() - startedAt)
  }
  // The fastest: what else this machine does is not the program's doing.
  expect(Math.min(...times)).toBeLessThan(150)
}, 30_000)

test('help names every topic, and each topic its verbs and options', async () => {
  const { stdout } = await run(['--help'])
  for (const topic of topics) {
    expect(stdout).toMatch(new RegExp(`^ {2}${topic} `, 'm'))
    const help = await run([topic, '--help'])
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toMatch(new RegExp(`^Usage: benchplane ${topic}`))
    expect(help.stdout).not.toMatch(/default: false|undefined/)
    expect((await run(['help', topic])).stdout).toBe(help.stdout)
  }
}, 30_000)

test('the version is the package’s', async () => {
  expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('without a terminal there are no colours and no bars; NO_COLOR goes before FORCE_COLOR', async () => {
  const house = await openHouse()
  await house.json('bench', 'register', 'b1', '--type', 'hil')
  const env = { BENCHPLANE_URL: house.url }
  expect((await run(['bench', 'list'], env)).stdout).not.toContain('\u001b')
  expect((await run(['bench', 'list'], { ...env, FORCE_COLOR: '1' })).stdout).toContain('\u001b')
  expect((await run(['bench', 'list'], { ...env, FORCE_COLOR: '1', NO_COLOR: '1' })).stdout).not.toContain('\u001b')
})
