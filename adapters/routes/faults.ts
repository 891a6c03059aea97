import type { z } from 'zod'

export interface InputFault {
  /** The member, parameter or header at fault, `a.0.b`; empty for the body as a whole. */
  path: string
  message: string
}

/** Every fault that a schema found, each at the member it is about; unknown members are named one by one. */
export const faultsOf = (error: z.ZodError): readonly InputFault[] => error.issues.flatMap((issue) => told(issue, []))

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

const told = (issue: Issue, above: Path): readonly InputFault[] => {
  const path = [...above, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: written([...path, key]), message: 'there is no such member' }))
  if (issue.code === 'invalid_union') return ofUnion(issue, path)
  return [{ path: written(path), message: issue.message }]
}

const written = (path: Path): string => path.map(String).join('.')

/** None of several forms: the one that was probably meant is the one with the fewest faults. */
const ofUnion = (issue: Extract<Issue, { code: 'invalid_union' }>, path: Path): readonly InputFault[] => {
  const forms = issue.errors.map((issues) => issues.flatMap((each) => told(each, path)))
  const [closest] = forms.toSorted((a, b) => a.length - b.length)
  return closest === undefined || closest.length === 0 ? [{ path: written(path), message: issue.message }] : closest
}
