/**
 * The wire as data: every operation with what it takes, what it answers and which command it issues. Read by the server,
 * by the client (as types) and by OpenAPI. Where each operation is found stands in routes/endpoints.ts.
 */
import type { z } from 'zod'
import { artifactRoutes } from './routes/artifacts.ts'
import { benchRoutes } from './routes/benches.ts'
import { endpoints, type Operation } from './routes/endpoints.ts'
import { executionRoutes } from './routes/executions.ts'
import { historyRoutes } from './routes/history.ts'
import { reservationRoutes } from './routes/reservations.ts'
import type { Route } from './routes/route.ts'
import { serviceRoutes } from './routes/service.ts'
import { workerRoutes } from './routes/workers.ts'

export const routes = {
  ...benchRoutes,
  ...reservationRoutes,
  ...executionRoutes,
  ...artifactRoutes,
  ...workerRoutes,
  ...historyRoutes,
  ...serviceRoutes,
} as const satisfies Record<Operation, Route>

export type Routes = typeof routes

type Part<Op extends Operation, Name extends 'params' | 'query' | 'body'> =
  Routes[Op] extends Record<Name, infer Schema extends z.ZodType> ? Schema : undefined
type InputOf<Schema> = Schema extends z.ZodType ? z.input<Schema> : undefined
type OutputOf<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined

/** What a client passes: `undefined` for a part that the operation does not have. */
export interface Input<Op extends Operation> {
  params: InputOf<Part<Op, 'params'>>
  query: InputOf<Part<Op, 'query'>>
  body: InputOf<Part<Op, 'body'>>
}

/** What a server is given: validated, defaults filled in. */
export interface Parsed<Op extends Operation> {
  params: OutputOf<Part<Op, 'params'>>
  query: OutputOf<Part<Op, 'query'>>
  body: OutputOf<Part<Op, 'body'>>
}

type Answers<Op extends Operation> = Routes[Op]['responses'][Exclude<keyof Routes[Op]['responses'], 307>]
/** What success answers, as JSON; `undefined` where there may be no content, `string` where it is no JSON. */
export type Output<Op extends Operation> =
  Answers<Op> extends infer Answer
    ? Answer extends z.ZodType
      ? z.output<Answer>
      : Answer extends null
        ? undefined
        : string
    : never

/** Each operation with its place and its schemas. */
export const operations = (Object.keys(endpoints) as Operation[]).map((operation) => ({
  operation,
  ...endpoints[operation],
  route: routes[operation] as Route,
}))
