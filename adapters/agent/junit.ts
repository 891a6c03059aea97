import { createReadStream } from 'node:fs'
import { SaxesParser } from 'saxes'

/** What a JUnit report says: its test cases, each counted once. What its attributes claim is not asked. */
export interface Tests {
  total: number
  passed: number
  failed: number
  /** Could not be run to their end; not counted as failed. */
  errored: number
  skipped: number
}

export interface Report {
  tests: Tests
  /** The first that failed or errored, as {class}.{name}. */
  failing: readonly string[]
}

/** A report, or XML of another kind, or why it can't be counted. */
export type Counted = { kind: 'report'; report: Report } | { kind: 'other' } | { kind: 'malformed'; reason: string }

export const failingCountMax = 5
const nameLengthMax = 120
/** Deeper than any report nests. */
const depthMax = 100

export const noTests: Tests = { total: 0, passed: 0, failed: 0, errored: 0, skipped: 0 }

/** Read piece by piece, so that neither the memory nor the heartbeats suffer. Entities of a document's own are not expanded. */
export const countTests = async (path: string): Promise<Counted> => {
  const reading = newReading()
  try {
    for await (const piece of createReadStream(path, { encoding: 'utf8' })) {
      reading.write(piece as string)
      if (reading.isOther()) return { kind: 'other' }
    }
    return reading.end()
  } catch (error) {
    return reading.isOther() ? { kind: 'other' } : { kind: 'malformed', reason: (error as Error).message.slice(0, 200) }
  }
}

interface Case {
  name: string
  outcome: 'passed' | 'failed' | 'errored' | 'skipped'
}

const outcomes: Readonly<Record<string, Case['outcome']>> = { failure: 'failed', error: 'errored', skipped: 'skipped' }
/** The gravest counts, should a case tell several. */
const gravity: readonly Case['outcome'][] = ['passed', 'skipped', 'failed', 'errored']

const newReading = () => {
  const parser = new SaxesParser()
  const tests = { ...noTests }
  const failing: string[] = []
  const path: string[] = []
  let current: Case | undefined
  let root: string | undefined
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name, attributes }) => {
    root ??= name
    if (path.push(name) > depthMax) throw new Error(`nested deeper than ${depthMax} levels`)
    if (name === 'testcase') current = { name: nameOf(attributes), outcome: 'passed' }
    else if (current !== undefined && path.at(-2) === 'testcase')
      current.outcome = graver(current.outcome, outcomes[name])
  })
  parser.on('closetag', ({ name }) => {
    path.pop()
    if (name !== 'testcase' || current === undefined) return
    tests.total += 1
    tests[current.outcome] += 1
    const isFailing = current.outcome === 'failed' || current.outcome === 'errored'
    if (isFailing && failing.length < failingCountMax) failing.push(current.name)
    current = undefined
  })
  return {
    write: (piece: string) => void parser.write(piece),
    isOther: () => root !== undefined && root !== 'testsuite' && root !== 'testsuites',
    end: (): Counted => {
      parser.close()
      return { kind: 'report', report: { tests, failing } }
    },
  }
}

const graver = (a: Case['outcome'], b: Case['outcome'] = 'passed'): Case['outcome'] =>
  gravity.indexOf(b) > gravity.indexOf(a) ? b : a

const nameOf = ({ classname, name }: Readonly<Record<string, string>>): string =>
  [classname, name]
    .filter((each) => each !== undefined && each !== '')
    .join('.')
    .slice(0, nameLengthMax)

export const addReports = (a: Report, b: Report): Report => ({
  tests: {
    total: a.tests.total + b.tests.total,
    passed: a.tests.passed + b.tests.passed,
    failed: a.tests.failed + b.tests.failed,
    errored: a.tests.errored + b.tests.errored,
    skipped: a.tests.skipped + b.tests.skipped,
  },
  failing: [...a.failing, ...b.failing].slice(0, failingCountMax),
})

/** `2 of 10 tests failed: a.b, c.d`; undefined when none did. */
export const told = ({ tests: { total, failed, errored }, failing }: Report): string | undefined => {
  if (failed + errored === 0) return undefined
  const counts = [failed > 0 ? `${failed} failed` : '', errored > 0 ? `${errored} errored` : ''].filter(
    (each) => each !== '',
  )
  const more = failed + errored - failing.length
  return `of ${total} tests ${counts.join(' and ')}: ${failing.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
