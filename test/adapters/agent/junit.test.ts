import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findArtifacts, testsIn } from '../../../adapters/agent/artifacts.ts'
import { countTests, told } from '../../../adapters/agent/junit.ts'
import { temporaryDirectory } from '../programs.ts'

const written = (text: string): string => {
  const file = join(temporaryDirectory(), 'report.xml')
  writeFileSync(file, text)
  return file
}

const suites = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="99">
  <testsuite name="brakes" tests="99" failures="98">
    <properties><property name="failure" value="x"/></properties>
    <testcase classname="brakes.abs" name="locks &lt;none&gt;"/>
    <testcase classname="brakes.abs" name="holds"><failure message="slipped"><![CDATA[<error/>]]></failure></testcase>
    <testcase name="warms up"><error/><failure/><system-out>text &amp; more</system-out></testcase>
    <testsuite name="inner"><testcase name="later"><skipped/></testcase></testsuite>
  </testsuite>
</testsuites>`

describe('a JUnit report', () => {
  test('is counted case by case, whatever its attributes claim', async () => {
    const counted = await countTests(written(suites))
    expect(counted).toEqual({
      kind: 'report',
      report: {
        tests: { total: 4, passed: 1, failed: 1, errored: 1, skipped: 1 },
        failing: ['brakes.abs.holds', 'warms up'],
      },
    })
    expect(counted.kind === 'report' && told(counted.report)).toBe(
      'of 4 tests 1 failed and 1 errored: brakes.abs.holds, warms up',
    )
  })

  test('names its first failures and counts the rest', async () => {
    const cases = Array.from(
      { length: 1_000 },
      (_, n) => `<testcase name="${n}-${'x'.repeat(500)}"><failure/></testcase>`,
    )
    const counted = await countTests(written(`<testsuite>${cases.join('')}</testsuite>`))
    const reason = counted.kind === 'report' ? (told(counted.report) ?? '') : ''
    expect(reason).toMatch(/^of 1000 tests 1000 failed: 0-x+, 1-x+, 2-x+, 3-x+, 4-x+ and 995 more$/)
    expect(reason.length).toBeLessThan(800)
  })

  test('XML of another kind is none', async () => {
    expect(await countTests(written('<html><testsuite><testcase/></testsuite></html>'))).toEqual({ kind: 'other' })
  })

  test.each([
    ['one that ends in the middle', '<testsuite><testcase name="a">'],
    ['an empty file', ''],
    ['what is no XML', 'Segmentation fault (core dumped)'],
    ['crossed tags', '<testsuite><testcase></testsuite></testcase>'],
    [
      'a billion laughs',
      `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>`,
    ],
    ['a file of the machine', `<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite>&a;</testsuite>`],
    ['one that nests without end', `<testsuite>${'<testsuite>'.repeat(200_000)}`],
  ])('%s can not be counted', async (_, text) => {
    expect(await countTests(written(text))).toEqual({ kind: 'malformed', reason: expect.stringMatching(/./) })
  })

  test('a large one is counted while the clock goes on', async () => {
    const file = written(
      `<testsuite>${'<testcase name="a"><system-out>some text of it</system-out></testcase>'.repeat(150_000)}</testsuite>`,
    )
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    const counted = await countTests(file)
    clearInterval(timer)
    expect(counted).toMatchObject({ report: { tests: { total: 150_000, passed: 150_000 } } })
    expect(ticks).toBeGreaterThan(3)
  })
})

describe('what an attempt leaves', () => {
  const directoryWith = (files: Readonly<Record<string, string>>): string => {
    const directory = temporaryDirectory()
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(directory, path, '..'), { recursive: true })
      writeFileSync(join(directory, path), text)
    }
    return directory
  }

  test('files in directories are found by their paths; links and names that the server refuses are told', async () => {
    const directory = directoryWith({ 'b/trace.bin': '123', 'a.txt': '', 'ümlaut.txt': 'x', 'c/new\nline': 'x' })
    symlinkSync('/etc/passwd', join(directory, 'passwd'))
    symlinkSync('/', join(directory, 'root'))
    const { artifacts, skipped } = await findArtifacts(directory)
    expect(artifacts.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['a.txt', 0],
      ['b/trace.bin', 3],
    ])
    expect(skipped.toSorted()).toEqual([
      expect.stringMatching(/^"c\/new\\nline": a name has/),
      '"passwd": neither a file nor a directory',
      '"root": neither a file nor a directory',
      expect.stringMatching(/^"ümlaut.txt": a name has/),
    ])
  })

  test('more than 1 000 are cut off, and it is told from where on', async () => {
    const names = Array.from({ length: 1_003 }, (_, n) => [`${String(n).padStart(4, '0')}.txt`, ''])
    const { artifacts, skipped } = await findArtifacts(directoryWith(Object.fromEntries(names)))
    expect(artifacts).toHaveLength(1_000)
    expect(skipped).toEqual(['3 files from 1000.txt on: an attempt has at most 1000'])
  })

  test('a path that is too long is told', async () => {
    const { artifacts, skipped } = await findArtifacts(directoryWith({ [`${`${'d'.repeat(200)}/`.repeat(3)}f`]: '' }))
    expect(artifacts).toEqual([])
    expect(skipped).toEqual([expect.stringContaining('a path has at most 512 characters')])
  })

  test('a directory that the command has removed holds nothing', async () => {
    const { artifacts, skipped } = await findArtifacts('/nowhere/at/all')
    expect([artifacts, skipped]).toEqual([[], [expect.stringContaining('ENOENT')]])
  })

  test('several reports are added up; malformed and huge ones are told', async () => {
    const one = '<testsuite><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>'
    const directory = directoryWith({
      'one.xml': one,
      'deep/two.XML': one,
      'broken.xml': '<testsuite>',
      'huge.xml': `<testsuite>${' '.repeat(17 * 1024 * 1024)}</testsuite>`,
      'layout.xml': '<svg/>',
      'report.txt': one,
    })
    const { artifacts } = await findArtifacts(directory)
    const { report, notes } = await testsIn(artifacts)
    expect(report).toEqual({ tests: { total: 4, passed: 2, failed: 2, errored: 0, skipped: 0 }, failing: ['b', 'b'] })
    expect(notes).toEqual([
      expect.stringMatching(/^broken\.xml is not counted: it is no well-formed XML/),
      'huge.xml is not counted: 17825815 bytes, at most 16777216',
    ])
  })

  test('without a report nothing is counted', async () => {
    const { artifacts } = await findArtifacts(directoryWith({ 'a.xml': '<svg/>' }))
    expect(await testsIn(artifacts)).toEqual({ report: undefined, notes: [] })
  })
})
