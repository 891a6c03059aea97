/** The commands last addressed to a stream, so that their retries are known. */

/** As it rides on commits: digest of the key, version of the command's first event. */
export type RecentCommand = readonly [digest: string, version: number]

/** So many commands addressed to a stream are remembered for their retries. */
export const recentCommandCountMax = 128

/**
 * One text, oldest first: a line break, the digest, a tab and the version of each. Every keyed command looks through it, and
 * a list of pairs, spread over memory, took longer to look through than the rest of a decision.
 */
export interface Recent {
  count: number
  text: string
}

export const noneRecent: Recent = { count: 0, text: '' }

export const withCommand = ({ count, text }: Recent, digest: string, version: number): Recent => {
  const entry = `\n${digest}\t${version}`
  if (count < recentCommandCountMax) return { count: count + 1, text: text + entry }
  return { count, text: text.slice(text.indexOf('\n', 1)) + entry }
}

/** The version of the command's first event; undefined when it is not remembered. */
export const versionOf = ({ text }: Recent, digest: string): number | undefined => {
  const key = `\n${digest}\t`
  const at = text.lastIndexOf(key)
  if (at < 0) return undefined
  const end = text.indexOf('\n', at + key.length)
  return Number(text.slice(at + key.length, end < 0 ? undefined : end))
}

export const listed = ({ text }: Recent): readonly RecentCommand[] =>
  text
    .split('\n')
    .slice(1)
    .map((entry) => {
      const [digest = '', version] = entry.split('\t')
      return [digest, Number(version)]
    })

export const recentOf = (commands: readonly RecentCommand[]): Recent =>
  commands.reduce((recent, [digest, version]) => withCommand(recent, digest, version), noneRecent)
