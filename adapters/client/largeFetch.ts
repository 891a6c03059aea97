/**
 * For bodies that are read slowly. The fetch that Node 24 has built in ends the whole process, beyond any catch, when a server
 * closes its connection before the body was taken (nodejs/undici#5360); the package is mended. Loaded only for downloads.
 */
export const largeFetch = async (): Promise<typeof fetch> => {
  const { Agent, fetch: mended } = await import('undici')
  // Without one of its own it goes by Node's, which is the built-in one.
  dispatcher ??= new Agent()
  const own = { dispatcher }
  const ask = (url: string, init: object): Promise<unknown> => mended(url, { ...init, ...own })
  return ask as unknown as typeof fetch
}

let dispatcher: import('undici').Agent | undefined
