import { describe, expect, test } from 'vitest'
import { benchplane, temporaryDirectory } from './server.ts'
import { dynamodb, settingsOf } from './stores.ts'

const { endpoint } = dynamodb()

/** Nothing of the machine's own settings. */
const bare = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
}
const serve = (env: Record<string, string>, ...args: string[]) =>
  benchplane(['serve', '--port', '0', '--data', temporaryDirectory(), '--store', 'dynamodb', ...args], {
    ...bare,
    ...env,
  })
const without = (settings: Record<string, string>, ...names: string[]) =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name)))
const nobody = 'http://127.0.0.1:1'

describe('a server that can not have its tables says why in one line, and with its exit code', () => {
  test.each([
    ['no region', (all: Record<string, string>) => without(all, 'AWS_REGION'), 2, /AWS_REGION/],
    [
      'no credentials',
      (all: Record<string, string>) => without(all, 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'),
      2,
      /no AWS credentials/,
    ],
    ['nobody answers', () => settingsOf(nobody), 6, /DynamoDB: .*ECONNREFUSED/],
    ['tables are missing', (all: Record<string, string>) => all, 1, /benchplane-\w+ is not there.*--create-tables/],
    [
      'a prefix that is none',
      (all: Record<string, string>) => ({ ...all, BENCHPLANE_TABLE_PREFIX: 'a b' }),
      2,
      /BENCHPLANE_TABLE_PREFIX: /,
    ],
  ])('%s', async (_, env, expected, message) => {
    const { code, stderr } = await serve(env(settingsOf(endpoint())))
    expect(stderr).toMatch(message)
    expect([code, stderr.trim().split('\n').length]).toEqual([expected, 1])
  })
})
