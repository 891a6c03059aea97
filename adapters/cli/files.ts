import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { exit, exits } from './exits.ts'

/** What a YAML (or JSON) file holds, `-` for stdin. A file that can't be read or has a fault is a usage error that says where. */
export const readYaml = async (path: string): Promise<unknown> => {
  const { parseDocument } = await import('yaml')
  const document = parseDocument(await contentOf(path), { prettyErrors: true })
  const [fault] = document.errors
  if (fault !== undefined) throw exit(exits.usage, `${path}: ${fault.message.split('\n')[0]}`)
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown
  } catch (error) {
    throw exit(exits.usage, `${path}: ${(error as Error).message}`)
  }
}

const contentOf = async (path: string): Promise<string> => {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw exit(exits.usage, code === 'ENOENT' ? `there is no file ${path}` : `${path}: ${message}`)
  }
}
