import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { functionNames } from '../../../infra/stacks/bundle.ts'
import { parseOptions } from '../../../infra/stacks/options.ts'

const run = promisify(execFile)

const directory = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'benchplane-synth-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** As somebody has it who has just cloned it: no region, no credentials, no network. Answers its processor time, too. */
const synth = async (...more: string[]) => {
  const [output, home] = [directory(), directory()]
  const nowhere = 'http://127.0.0.1:9'
  const env = { PATH: process.env['PATH'], HOME: home, HTTPS_PROXY: nowhere, HTTP_PROXY: nowhere, CI: 'true' }
  const command = ['node_modules/.bin/cdk', 'synth', '--quiet', '--output', output, ...more]
  const { stdout } = await run('sh', ['-c', '"$@" && times', 'sh', ...command], { env })
  const spent = [...(stdout.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)]
  return { output, spentSeconds: spent.reduce((sum, [, m, s]) => sum + 60 * Number(m) + Number(s), 0) }
}

/** The app without the command line. */
const synthAgain = async (): Promise<string> => {
  const output = directory()
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: object }
  const env = { PATH: process.env['PATH'], CDK_OUTDIR: output, CDK_CONTEXT_JSON: JSON.stringify(context) }
  await run('node', ['infra/app.ts'], { env })
  return output
}

const assetsIn = (output: string): string[] => readdirSync(output).filter((name) => name.startsWith('asset.'))

/** All that would be deployed of the pipeline; the command line adds where each resource is from. */
const pipelineIn = (output: string): unknown => {
  const template = readFileSync(join(output, 'benchplane-pipeline.template.json'), 'utf8')
  const { Resources } = JSON.parse(template) as { Resources: Record<string, { Properties: unknown }> }
  return Object.entries(Resources).map(([id, { Properties }]) => [id, Properties])
}

describe('cdk synth', () => {
  test('works without a region, credentials or a network, in seconds, and gives the same assets each time', async () => {
    const { output, spentSeconds } = await synth()
    expect(assetsIn(output)).toHaveLength(functionNames.length)
    expect(spentSeconds).toBeGreaterThan(0.5)
    expect(spentSeconds).toBeLessThan(20)
    const again = await synthAgain()
    expect(assetsIn(again).sort()).toEqual(assetsIn(output).sort())
    expect(pipelineIn(again)).toEqual(pipelineIn(output))
    for (const asset of assetsIn(output))
      expect(statSync(join(output, asset, 'index.mjs')).size).toBeLessThan(4_000_000)
  }, 120_000)

  test('refuses options that are no good, each by its name', async () => {
    await expect(synth('-c', 'servers=many')).rejects.toMatchObject({ stderr: expect.stringContaining('-c servers:') })
  }, 60_000)
})

describe('options', () => {
  test.each([
    [{ prefix: 'Lab' }, '-c prefix: lower-case'],
    [{ servers: '1' }, '-c certificateArn: servers are reached by TLS only'],
    [{ servers: '-1' }, '-c servers:'],
    [{ alarmEmail: 'nobody' }, '-c alarmEmail:'],
    [{ archiveMode: 'NEVER' }, '-c archiveMode:'],
    [{ logDays: '8' }, '-c logDays:'],
  ])('%j are refused by name', (given, told) => {
    expect(() => parseOptions(given)).toThrow(told)
  })

  test('are all told at once', () => {
    expect(() => parseOptions({ prefix: 'X', alarmEmail: 'y' })).toThrow(/-c prefix[^]*-c alarmEmail/)
  })
})
