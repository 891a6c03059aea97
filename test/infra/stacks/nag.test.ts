import { Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { everything, synthesised } from './synthesised.ts'

describe('the rules of AwsSolutions', () => {
  test.each([
    ['the least', {}],
    ['all', everything],
  ])('are kept by a deployment with %s that there can be, or it is said why not', (_, options) => {
    const { app } = synthesised(options)
    const { violations } = new AwsSolutionsChecks().validateScope(app)
    const told = violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
    )
    expect(told).toEqual([])
  })

  test('would find what is wrong', () => {
    const { app, made } = synthesised()
    made.data.blobs.node.tryRemoveChild('Policy')
    const { violations } = new AwsSolutionsChecks().validateScope(app)
    expect(violations.map(({ ruleName }) => ruleName)).toContain('AwsSolutions-S10')
  })
})

test('nothing is asked to be overlooked that is not there', () => {
  const asked = new Set<string>()
  const acknowledge = vi.spyOn(Validations.prototype, 'acknowledge').mockImplementation((...rules) => {
    for (const { id } of rules) asked.add(id)
  })
  onTestFinished(() => acknowledge.mockRestore())
  const { app } = synthesised(everything)
  const { violations } = new AwsSolutionsChecks().validateScope(app)
  const found = new Set(violations.map(({ ruleName }) => ruleName))
  expect([...asked].filter((id) => id.startsWith('AwsSolutions-')).sort()).toEqual([...found].sort())
})
