import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { environmentOf } from '../../../adapters/agent/environment.ts'
import { shownDuration } from '../../../adapters/cli/times.ts'
import { SubmitExecution } from '../../../domain/execution/commands.ts'
import { repository } from '../programs.ts'

/** docs/plan.md says of every field what its schema says. */

const text = readFileSync(join(repository, 'docs/plan.md'), 'utf8')

/** The rows of the table under a heading, by field: its default and its limit. */
const rowsUnder = (heading: string): Record<string, { default: string; limit: string }> => {
  const section = text.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return Object.fromEntries(
    rows.map((row) => {
      const [, field = '', , byDefault = '', limit = ''] = row.split(/ *\| */)
      return [field.replaceAll('`', ''), { default: byDefault, limit }]
    }),
  )
}

interface Field {
  type?: string
  default?: unknown
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  pattern?: string
  enum?: readonly string[]
  items?: Field
  properties?: Record<string, Field>
  required?: readonly string[]
}

const plan = z.toJSONSchema(SubmitExecution.omit({ reservationId: true }), { io: 'input' }) as Field
const task = plan.properties?.['tasks']?.items ?? {}
const retry = task.properties?.['retry'] ?? {}

const isTime = (name: string): boolean => name.endsWith('Ms')
const quantity = (name: string, value: number): string => (isTime(name) ? shownDuration(value) : String(value))

/** As far as a schema can tell it; of other fields the limit is told in words. */
const limitOf = (name: string, field: Field): string | undefined => {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = field
  if (minimum !== undefined && maximum !== undefined) return `${quantity(name, minimum)} to ${quantity(name, maximum)}`
  if (field.enum !== undefined)
    return field.enum
      .map((each) => `\`${each}\``)
      .join(', ')
      .replace(/, (\S+)$/, ' or $1')
  if (maxItems !== undefined)
    return minItems === undefined ? `at most ${maxItems} items` : `${minItems} to ${maxItems} items`
  if (maxLength !== undefined) return `${minLength} to ${maxLength} characters`
  if (pattern !== undefined) return `\`${pattern.slice(1, -1)}\``
  return field.type === 'boolean' ? '`true` or `false`' : undefined
}

const defaultOf = (name: string, { default: value }: Field, required: readonly string[] = []): string | undefined => {
  if (required.includes(name)) return 'required'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : undefined
  if (value === undefined || typeof value === 'object') return undefined
  return `\`${isTime(name) ? shownDuration(value as number) : JSON.stringify(value).replaceAll('"', '')}\``
}

test.each([
  ['The plan', plan],
  ['A task', task],
  ["A task's `retry`", retry],
])('the reference of a plan has every field of: %s', (heading, { properties = {}, required }) => {
  const documented = rowsUnder(heading)
  expect(Object.keys(documented).toSorted()).toEqual(
    Object.keys(properties)
      .map((name) => name.replace(/Ms$/, ''))
      .toSorted(),
  )
  for (const [name, field] of Object.entries(properties)) {
    const row = documented[name.replace(/Ms$/, '')]
    const [byDefault, limit] = [defaultOf(name, field, required), limitOf(name, field)]
    if (byDefault !== undefined) expect(row?.default, `default of ${name}`).toBe(byDefault)
    else expect(row?.default, `default of ${name}`).toMatch(/^(?:none|a new one|one attempt)/)
    if (limit !== undefined) expect(row?.limit.slice(0, limit.length), `limit of ${name}`).toBe(limit)
  }
})

test('the reference of a plan names all that a command is told', () => {
  const work = { benchId: '', executionId: '', taskName: '', attempt: 1, phase: 'test', commitSha: '', parameters: {} }
  const told = environmentOf({ ...work, artifactsDir: '' } as unknown as Parameters<typeof environmentOf>[0])
  const names = Object.keys(told).filter((name) => name.startsWith('BENCHPLANE_') && !(name in process.env))
  expect(names.length).toBeGreaterThan(5)
  for (const name of names) expect(text).toContain(`\`${name}\``)
})
