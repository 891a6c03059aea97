import { afterAll, beforeAll, expect } from 'vitest'
import { type House, type OnEnd, openHouse } from '../programs.ts'

/** One server for all tests of a file, and its command line, written as people type it. */
export const shareHouse = () => {
  let opened: House | undefined
  const ends: Parameters<OnEnd>[0][] = []
  beforeAll(async () => {
    opened = await openHouse({ onEnd: (end) => ends.push(end) })
  })
  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })
  const house = (): House => {
    if (opened === undefined) throw new Error('there is no house yet')
    return opened
  }
  /** What people are shown: a command that does what it says, without a trace of what it is made of. */
  const shown = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await house().benchplane(...wordsOf(line))
    expect([code, stderr], line).toEqual([0, expect.not.stringMatching(/error/)])
    expect(stdout).not.toMatch(/undefined|\[object|NaN|\bnull/)
    return stdout
  }
  const json = <Value = Record<string, unknown>>(line: string) => house().json<Value>(...wordsOf(line))
  return { house, shown, json }
}

/** `reserve 'psu.channels>=2' --for 2h` as its words. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|\S+/g)].map(([whole, quoted]) => quoted ?? whole)
