import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { openNetwork } from '../../journey/partition.ts'
import { freePort, type House, openHouse, start, taken } from '../programs.ts'
import { finished, logged, logOf, openLab, outcomes, submit } from './lab.ts'

const command = (text: string) => ({ run: { command: text } })

const pathsOf = async ({ client }: House, executionId: string): Promise<readonly string[]> =>
  taken(await client.listArtifacts({ params: { executionId } })).items.map(({ path, bytes }) => `${path}: ${bytes}`)

const contentOf = async ({ client }: House, executionId: string, taskName: string, path: string): Promise<Buffer> => {
  const download = taken(await client.downloadArtifact({ params: { executionId, taskName, attempt: 1, path } }))
  return Buffer.concat(await Array.fromAsync(download.pieces))
}

const reportOf = (failures: number): string =>
  `<testsuite>${Array.from({ length: 4 }, (_, n) => `<testcase classname="abs" name="t${n}">${n < failures ? '<failure/>' : ''}</testcase>`).join('')}</testsuite>`

test('what a command leaves is uploaded, listed with its report, and counted when it is JUnit XML', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const script = `mkdir "$BENCHPLANE_ARTIFACTS_DIR/deep dir"; cd "$BENCHPLANE_ARTIFACTS_DIR"
    printf '\\000\\377trace' > 'deep dir/trace.bin'; : > empty; echo '${reportOf(0)}' > junit.xml; ln -s /etc/passwd link`
  await submit(house, 'E1', [{ name: 'smoke', ...command(script) }])
  const execution = await finished(house, 'E1')
  expect(execution.tasks[0]?.attempts[0]).toMatchObject({
    status: 'passed',
    result: { exitCode: 0, tests: { total: 4, passed: 4, failed: 0, errored: 0, skipped: 0 } },
    artifacts: ['deep dir/trace.bin', 'empty', 'junit.xml'],
  })
  expect((await pathsOf(house, 'E1')).toSorted()).toEqual([
    'deep dir/trace.bin: 7',
    'empty: 0',
    expect.stringMatching(/^junit\.xml: /),
  ])
  expect(await contentOf(house, 'E1', 'smoke', 'deep dir/trace.bin')).toEqual(
    Buffer.from('\u0000\u00fftrace', 'latin1'),
  )
  expect(await logOf(house, 'E1', 'smoke')).toBe(
    '[benchplane] not uploaded: "link": neither a file nor a directory\n[benchplane] 3 of 3 artifacts uploaded\n',
  )
})

test('a run that failed keeps its artifacts and its counts, and the reason names the tests', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const script = `echo '${reportOf(2)}' > "$BENCHPLANE_ARTIFACTS_DIR/junit.xml"; echo '<testsuite>' > "$BENCHPLANE_ARTIFACTS_DIR/torn.xml"; exit 1`
  await submit(house, 'E1', [{ name: 'smoke', ...command(script) }])
  const [attempt] = (await finished(house, 'E1')).tasks[0]?.attempts ?? []
  expect(attempt).toMatchObject({
    status: 'failed',
    reason: expect.stringMatching(/^exited with 1 after \d+ ms; of 4 tests 2 failed: abs\.t0, abs\.t1$/),
    result: { exitCode: 1, tests: { total: 4, passed: 2, failed: 2, errored: 0, skipped: 0 } },
  })
  expect(await pathsOf(house, 'E1')).toHaveLength(2)
  expect(await logOf(house, 'E1', 'smoke')).toContain('[benchplane] torn.xml is not counted: it is no well-formed XML')
})

test('the exit code decides, not the report', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const script = `echo '${reportOf(1)}' > "$BENCHPLANE_ARTIFACTS_DIR/junit.xml"; exit 0`
  await submit(house, 'E1', [{ name: 'lenient', ...command(script) }])
  expect(outcomes(await finished(house, 'E1'))).toMatchObject({ lenient: ['passed', { tests: { failed: 1 } }] })
})

test('a cancelled run leaves what it had', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  const script = 'echo half > "$BENCHPLANE_ARTIFACTS_DIR/trace"; echo begun; sleep 600'
  await submit(house, 'E1', [{ name: 'endless', ...command(script) }])
  await logged(house, 'E1', 'endless', 'begun')
  await house.benchplane('execution', 'cancel', 'E1')
  expect((await finished(house, 'E1')).verdict).toBe('cancelled')
  expect(await pathsOf(house, 'E1')).toEqual(['trace: 5'])
})

test('a command that removes its artifacts directory has left nothing', async () => {
  const house = await openLab()
  house.agent('w1', ['b1'])
  await submit(house, 'E1', [{ name: 'tidy', ...command('rm -r "$BENCHPLANE_ARTIFACTS_DIR"') }])
  expect((await finished(house, 'E1')).verdict).toBe('passed')
})

test('artifacts of a run that ended while the server was away arrive when it is back', async () => {
  const port = await freePort()
  const environment = { BENCHPLANE_HEARTBEAT_EVERY_MS: '500', BENCHPLANE_LEASE_MS: '60000' }
  const house = await openLab(['b1'], { port, environment })
  const agent = house.agent('w1', ['b1'])
  const go = join(house.directory, 'go')
  const script = `echo begun; while [ ! -e ${go} ]; do sleep 0.02; done; seq 200000 > "$BENCHPLANE_ARTIFACTS_DIR/numbers"`
  await submit(house, 'E1', [{ name: 'long', ...command(script) }])
  await logged(house, 'E1', 'long', 'begun')
  house.server.signal('SIGKILL')
  await house.server.ended
  writeFileSync(go, '')
  await agent.says(/uploading artifacts/)
  const again = await openHouse({ port, directory: house.directory, environment })
  expect((await finished(again, 'E1')).tasks[0]?.attempts).toMatchObject([{ status: 'passed', artifacts: ['numbers'] }])
  const numbers = (await contentOf(again, 'E1', 'long', 'numbers')).toString()
  expect(numbers).toBe(Array.from({ length: 200_000 }, (_, n) => `${n + 1}\n`).join(''))
}, 40_000)

test('an upload that breaks off in the middle is sent again', async () => {
  const house = await openLab()
  const network = await openNetwork(house.url)
  const workDir = join(house.directory, 'work')
  start(['agent', '--worker', 'w1', '--bench', 'b1', '--work-dir', workDir], { BENCHPLANE_URL: network.url })
  const go = join(house.directory, 'go')
  const script = `echo begun; while [ ! -e ${go} ]; do sleep 0.02; done; head -c 5000000 /dev/zero > "$BENCHPLANE_ARTIFACTS_DIR/zeros"`
  await submit(house, 'E1', [{ name: 'long', ...command(script) }])
  await logged(house, 'E1', 'long', 'begun')
  network.breakAfter(1_000_000)
  writeFileSync(go, '')
  expect((await finished(house, 'E1')).tasks[0]?.attempts).toMatchObject([{ status: 'passed', artifacts: ['zeros'] }])
  expect(network.breakCount()).toBe(1)
  expect(await pathsOf(house, 'E1')).toEqual(['zeros: 5000000'])
  await vi.waitFor(() => expect(existsSync(join(workDir, 'E1', 'long-1'))).toBe(false), { timeout: 5_000 })
})
