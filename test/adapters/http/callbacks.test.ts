import { expect, test } from 'vitest'
import { type CallbackHosts, isCallbackAllowed } from '../../../adapters/callbackHosts.ts'
import { signed } from '../../../adapters/webhooks/signature.ts'
import { expectProblem, openDriver, openLab, plan } from './driver.ts'

const submitting = async (callbackHosts?: CallbackHosts) => {
  const limits = { artifactBytesMax: 1, ...(callbackHosts === undefined ? {} : { callbackHosts }) }
  const driver = openDriver({ limits })
  await openLab(driver)
  return {
    ...driver,
    submit: (callback: unknown) => driver.post('/v1/executions', { ...plan('e-1', 'a'), callback }),
  }
}

test('who is to be told is kept in history, and is nobody else’s business', async () => {
  const { submit, get } = await submitting()
  const answer = await submit({ url: 'https://ci.example.com/hook?job=7' })
  expect(answer.status).toBe(201)
  expect(answer.text).not.toContain('ci.example.com')
  expect((await get('/v1/executions/e-1')).text).not.toContain('ci.example.com')
  expect((await get('/v1/history/execution/e-1')).body.items[0].data.callback).toEqual({
    url: 'https://ci.example.com/hook?job=7',
  })
})

test('what is no address is refused, with the member that is at fault', async () => {
  const { submit } = await submitting()
  const wrong = [
    { url: 'ftp://ci.example.com/x' },
    { url: 'ci.example.com' },
    { url: 'https://user:secret@ci.example.com/' },
    { url: `https://ci.example.com/${'x'.repeat(2_048)}` },
    { url: '' },
    { url: 'https://ci.example.com', taskToken: 'x' },
    {},
    { taskToken: '' },
    { taskToken: 'x'.repeat(2_049) },
    { taskToken: 'with blank' },
  ]
  for (const callback of wrong) {
    const answer = await submit(callback)
    expectProblem(answer, 400, 'invalid-request')
    expect(answer.body.errors[0].path, JSON.stringify(callback)).toMatch(/^callback/)
  }
  expect((await submit({ taskToken: 'x'.repeat(2_048) })).status).toBe(201)
})

test('where this server sends none, none is taken', async () => {
  const { submit, commitCount } = await submitting(['ci.example.com', '*.lab.example'])
  const before = await commitCount()
  const refused = await submit({ url: 'http://169.254.169.254/latest' })
  expectProblem(refused, 400, 'invalid-request')
  expect(refused.body.errors).toEqual([
    { path: 'callback.url', message: 'this server sends callbacks to ci.example.com, *.lab.example only' },
  ])
  expect(await commitCount()).toBe(before)
  expect((await submit({ url: 'https://a.lab.example/x' })).status).toBe(201)
})

test('where only the internet is called, what is within is refused', async () => {
  const { submit } = await submitting('public')
  const refused = await submit({ url: 'http://127.0.0.1:9001/2018-06-01/runtime/invocation/next' })
  expectProblem(refused, 400, 'invalid-request')
  expect(refused.body.errors).toEqual([
    { path: 'callback.url', message: 'this server sends callbacks to public addresses only' },
  ])
  expect((await submit({ url: 'https://ci.example.com/x' })).status).toBe(201)
})

test.each([
  ['http://127.0.0.1/', false],
  ['http://2130706433/', false],
  ['http://0x7f.1/', false],
  ['http://0.0.0.0/', false],
  ['http://10.42.1.2/', false],
  ['http://172.31.255.255/', false],
  ['http://192.168.257/', false],
  ['http://169.254.169.254/latest', false],
  ['http://100.64.0.1/', false],
  ['http://localhost:9001/', false],
  ['http://LocalHost./', false],
  ['http://x.localhost/', false],
  ['http://[::1]/', false],
  ['http://[::]/', false],
  ['http://[::ffff:a00:1]/', false],
  ['http://[::ffff:7f00:1]/', false],
  ['http://[64:ff9b::a00:1]/', false],
  ['http://[fd00:ec2::254]/', false],
  ['http://[fe80::1]/', false],
  ['https://ci.example.com/', true],
  ['http://8.8.8.8/', true],
  ['http://172.32.0.1/', true],
  ['http://[2606:4700::1111]/', true],
] as const)('%s is of the internet: %s', (url, is) => {
  expect(isCallbackAllowed(url, 'public')).toBe(is)
})

test.each([
  ['https://ci.example.com/x', ['ci.example.com'], true],
  ['https://CI.example.com:8443/x', ['ci.example.com'], true],
  ['https://ci.example.com:8443/x', ['ci.example.com:8443'], true],
  ['https://ci.example.com/x', ['ci.example.com:443'], true],
  ['http://ci.example.com/x', ['ci.example.com:443'], false],
  ['https://ci.example.com.evil.org/x', ['ci.example.com'], false],
  ['https://evil.org/ci.example.com', ['ci.example.com'], false],
  ['https://a.example.com/', ['*.example.com'], true],
  ['https://example.com/', ['*.example.com'], false],
  ['https://evilexample.com/', ['*.example.com'], false],
  ['http://0x7f000001/', ['localhost'], false],
  ['http://anywhere/', undefined, true],
  ['http://anywhere/', [], false],
] as const)('%s is among %j: %s', (url, hosts, is) => {
  expect(isCallbackAllowed(url, hosts)).toBe(is)
})

test('a signature is the one that Standard Webhooks gives for it', () => {
  const letter = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1_614_265_330, body: '{"test": 2432232314}' }
  expect(signed('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', letter)).toEqual({
    'webhook-id': letter.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
})
