import type { Exceptions, Rule } from '../rule.ts'

/** A few made-up files which a rule must report, or must not. */
export interface Planted {
  rule: Rule
  what: string
  files: Readonly<Record<string, string>>
  exceptions?: Partial<Exceptions>
  /** Where the rule must report, `file:line` (`file` for a whole file), all of it; absent: nowhere. */
  at?: readonly string[]
  /** What each report must contain. */
  says?: string
}
