import { expect, test } from 'vitest'
import { termsOf, wantedOf } from '../../../adapters/cli/wanted.ts'

test.each([
  ['one operand that could be an id is one', ['hil-1'], [], [{ benchId: 'hil-1' }]],
  ['one that could not is a query', ['ecu=abs-9.3'], [], [{ query: ['ecu=abs-9.3'] }]],
  ['several are the terms of one query', ['can-fd', '!flaky'], [], [{ query: ['can-fd', '!flaky'] }]],
  ['--query makes a term of what could be an id', [], [{ terms: 'can-fd' }], [{ query: ['can-fd'] }]],
  [
    'more make a gang, in their order',
    ['hil-1'],
    [{ terms: 'a,b' }, { benchId: 'x' }],
    [{ benchId: 'hil-1' }, { query: ['a', 'b'] }, { benchId: 'x' }],
  ],
])('%s', (_, operands, more, wanted) => {
  expect(wantedOf(operands, more)).toEqual(wanted)
})

test('a type makes a query of everything but a bench that is named', () => {
  expect(wantedOf(['can-fd'], [{ benchId: 'b' }, { terms: 'x' }], 'hil')).toEqual([
    { query: ['can-fd'], type: 'hil' },
    { benchId: 'b' },
    { query: ['x'], type: 'hil' },
  ])
})

test('nothing at all is a fault', () => {
  expect(() => wantedOf([], [])).toThrow(/name a bench/)
})

test('commas in parentheses separate nothing', () => {
  expect(termsOf('ecu in (abs-9.3,abs-9.4), can-fd,x in (1, 2)')).toEqual([
    'ecu in (abs-9.3,abs-9.4)',
    'can-fd',
    'x in (1, 2)',
  ])
})
