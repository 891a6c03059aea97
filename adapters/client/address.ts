type Scalar = string | number | boolean

/** What an operation is given, as text in an address. */
export interface Parts {
  params?: Readonly<Record<string, unknown>>
  query?: Readonly<Record<string, Scalar | readonly Scalar[] | undefined>>
}

/** Names of parameters that no path can carry: empty, or the dots that every URL parser takes for a step up. */
export const unaddressable = (params: Parts['params'] = {}): readonly string[] =>
  Object.keys(params).filter((name) => partsOf(name, params[name]).some((part) => ['', '.', '..'].includes(part)))

/** Only a `path` has several. */
const partsOf = (name: string, value: unknown): readonly string[] =>
  name === 'path' ? String(value).split('/') : [String(value)]

/** `/v1/benches/{benchId}` with its parameters and its query; in a query, undefined is left out and a list is repeated. */
export const addressOf = (path: string, { params = {}, query = {} }: Parts): string => {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    partsOf(name, params[name]).map(encodeURIComponent).join('/'),
  )
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar | undefined])
      .filter((each) => each !== undefined)
      .map((each): [string, string] => [name, String(each)]),
  )
  return pairs.length === 0 ? filled : `${filled}?${new URLSearchParams(pairs).toString()}`
}
