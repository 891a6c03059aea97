import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'

const root = new URL('../..', import.meta.url)

/** Refuses to load any of it. */
const without = `
  import { registerHooks } from 'node:module'
  const load = (url, context, next) => {
    if (/@aws-sdk|@smithy|electrodb|adapters\\/dynamodb/.test(url)) throw new Error('loaded: ' + url)
    return next(url, context)
  }
  registerHooks({ load })
`

const run = (...args: readonly string[]) =>
  spawnSync('node', ['--import', `data:text/javascript,${encodeURIComponent(without)}`, ...args], {
    cwd: root,
    encoding: 'utf8',
  })

const importing = (file: string): readonly string[] => ['--input-type=module', '-e', `await import('${file}')`]

describe('who does not keep the history in DynamoDB does not load it', () => {
  test('the command line', () => {
    expect(run('infra/benchplane.ts', '--help')).toMatchObject({ status: 0, stderr: '' })
  })

  test.each(['./infra/serve.ts', './infra/local.ts'])('%s', (file) => {
    expect(run(...importing(file))).toMatchObject({ status: 0, stderr: '' })
  })

  test('as who does keep it there would be found out', () => {
    const { status, stderr } = run(...importing('./adapters/dynamodb/history.ts'))
    expect(status).not.toBe(0)
    expect(stderr).toContain('loaded: ')
  })
})
