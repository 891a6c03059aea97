import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { afterAll } from 'vitest'
import type { Bundle } from '../../../infra/stacks/bundle.ts'
import { deployment } from '../../../infra/stacks/deployment.ts'
import { parseOptions } from '../../../infra/stacks/options.ts'

/** What a template says of one resource. */
export interface Resource {
  Type: string
  Properties: Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- whatever a template says
  DeletionPolicy?: string
}

const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> }

/** All that there can be. */
export const everything = {
  servers: '2',
  certificateArn: 'arn:aws:acm:eu-central-1:123456789012:certificate/c',
  vpcEndpoints: 'true',
  alarmEmail: 'bench@lab.example',
}

/** The app as `cdk synth` has it, with the options of `-c`, but for the code, which takes seconds to be built; what it writes is gone with the tests of the file. */
export const synthesised = (given: Record<string, string> = {}) => {
  const outdir = mkdtempSync(join(tmpdir(), 'benchplane-cdk-'))
  afterAll(() => rmSync(outdir, { recursive: true, force: true }))
  const app = new App({ context, outdir })
  const bundle: Bundle = (name) => {
    const place = join(outdir, 'stubs', name)
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'index.mjs'), `// ${name}\n`)
    return place
  }
  const made = deployment(app, parseOptions(given), bundle)
  app.synth()
  const stacks = app.node.children.filter((child) => Stack.isStack(child))
  const template = (name: string): Template => {
    const stack = stacks.find(({ stackName }) => stackName.endsWith(`-${name}`))
    if (stack === undefined) throw new Error(`there is no stack ${name}`)
    return Template.fromStack(stack)
  }
  const resources = (name: string, type?: string): Record<string, Resource> => {
    const all = template(name).toJSON()['Resources'] as Record<string, Resource>
    return Object.fromEntries(Object.entries(all).filter(([, { Type }]) => type === undefined || Type === type))
  }
  const all = (type: string): Resource[] =>
    stacks.flatMap(({ stackName }) => Object.values(resources(stackName.slice(stackName.indexOf('-') + 1), type)))
  return { app, outdir, made, stacks, template, resources, all }
}
export type Synthesised = ReturnType<typeof synthesised>

export interface Statement {
  Effect: 'Allow' | 'Deny'
  Action: string | string[]
  Resource: unknown
  Condition?: object
}

/** What each role may do, by what it is called in the template: from all of its policies. */
export const statementsByRole = ({ all }: Synthesised): Map<string, Statement[]> => {
  const found = new Map<string, Statement[]>()
  for (const { Properties } of all('AWS::IAM::Policy'))
    for (const { Ref } of Properties['Roles'] as { Ref: string }[])
      found.set(Ref, [...(found.get(Ref) ?? []), ...(Properties['PolicyDocument'].Statement as Statement[])])
  return found
}

export const actionsOf = ({ Action }: Statement): string[] => (Array.isArray(Action) ? Action : [Action])
