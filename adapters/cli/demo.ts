import type { Command } from 'commander'
import type { Verb } from './context.ts'
import type { House } from './house.ts'

export const declare = (demo: Command, verb: Verb, house: House): void => {
  demo.option('--once', 'end when all has been shown, instead of staying up', false)
  verb(demo, (_, { once }: { once: boolean }) => house.demo({ once }))
}
