/** The documents that hold tables between marks, `<!-- costs:name -->` and `<!-- /costs:name -->`. */
import { readFileSync } from 'node:fs'

export const documents = ['costs.md', 'access-patterns.md'].map((name) => ({
  name: `docs/${name}`,
  url: new URL(`../../docs/${name}`, import.meta.url),
}))

const marked = /<!-- costs:([a-z-]+) -->\n[^]*?<!-- \/costs:\1 -->/g

/** The document with its tables as they are to be. Throws for a mark that nothing is measured for. */
export const withTables = (text: string, tables: Readonly<Record<string, string>>): string =>
  text.replace(marked, (_, name: string) => {
    const table = tables[name]
    if (table === undefined) throw new Error(`there is no table costs:${name}`)
    return `<!-- costs:${name} -->\n\n${table}\n\n<!-- /costs:${name} -->`
  })

export const namesIn = (text: string): readonly string[] => [...text.matchAll(marked)].map(([, name = '']) => name)

export const textOf = ({ url }: { url: URL }): string => readFileSync(url, 'utf8')
