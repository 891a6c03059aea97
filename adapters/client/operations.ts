import type { Operation } from '../routes/endpoints.ts'
import type { Input, Output, Routes } from '../routes.ts'
import type { Answer, CallOptions } from './transport.ts'

/**
 * The client's types, all inferred from the schemas of the wire. Nothing of it exists at run time: a command line knows
 * the server without loading a schema.
 */

/** The parts that an operation has. */
type Parts<Op extends Operation> = {
  [Part in keyof Input<Op> as Input<Op>[Part] extends undefined ? never : Part]: Input<Op>[Part]
}
/** Those that can be left out: every query, and a body that has a default. */
type Optional<Given> = {
  [Part in keyof Given]: Part extends 'query' ? Part : undefined extends Given[Part] ? Part : never
}[keyof Given]
type WithOptional<Given> = Omit<Given, Optional<Given>> & Partial<Pick<Given, Optional<Given>>>

/** What an operation takes: `params` of its path, `query` (a list is repeated; undefined is left out), `body`. */
export type InputOf<Op extends Operation> = WithOptional<Parts<Op>>

/** What an operation answers. */
export type ValueOf<Op extends Operation> = Output<Op>

/** Sessions are answered whole, whatever is preferred. */
type Commanding = Exclude<
  { [Op in Operation]: Routes[Op] extends { command: unknown } ? Op : never }[Operation],
  'openSession' | 'closeSession' | 'acceptMessage'
>

/** Those that answer while it happens have functions of their own in `createClient`. */
type Streaming = 'followEvents' | 'exportHistory' | 'uploadArtifact' | 'downloadArtifact'

/** A command's answer to who prefers it minimal, beside the id under its own name. */
export interface Brief {
  status?: string
  version: number
}

type Whole<Op extends Operation> =
  Record<never, never> extends InputOf<Op>
    ? (input?: InputOf<Op>, options?: CallOptions) => Promise<Answer<ValueOf<Op>>>
    : (input: InputOf<Op>, options?: CallOptions) => Promise<Answer<ValueOf<Op>>>

/** Of those that issue a command; the others take no preference. */
type Minimal<Op extends Operation> = (
  input: InputOf<Op>,
  options: CallOptions & { prefer: 'minimal' },
) => Promise<Answer<Brief>>

export type Operations = {
  [Op in Exclude<Operation, Streaming>]: Op extends Commanding ? Minimal<Op> & Whole<Op> : Whole<Op>
}
