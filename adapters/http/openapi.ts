/** OpenAPI 3.1 of the routes, from the very schemas that check requests: what it says is what happens. */
import { z } from 'zod'
import { type Operation, openOperations } from '../routes/endpoints.ts'
import { Problem } from '../routes/resources.ts'
import type { Route } from '../routes/route.ts'
import { operations } from '../routes.ts'
import { takesPrefer } from './prefer.ts'
import { problemStatuses } from './problems.ts'

type Json = Readonly<Record<string, unknown>>

const description = `Reserve test benches, run plans of tasks on them, and replay what happened.
Every mutation takes \`Idempotency-Key\`; durations are milliseconds; instants are ISO-8601 UTC.
Problems are RFC 9457 documents with a stable \`code\`.`

const isOpen: ReadonlySet<string> = new Set(openOperations)

/** `hasIdentity`: callers are asked who they are. */
export const openApiDocument = (version: string, hasIdentity = false): Json => {
  const components: Record<string, unknown> = {}
  const schemaOf = schemaWriter(components)
  const problemRef = schemaOf(Problem, 'output')
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { operation, method, path, route } of operations)
    paths[path] = {
      ...paths[path],
      [method.toLowerCase()]: {
        ...operationOf(operation, route, schemaOf),
        ...(hasIdentity && !isOpen.has(operation) ? { security: [{ bearer: [] }] } : {}),
      },
    }
  return {
    openapi: '3.1.0',
    info: { title: 'Benchplane', version, description, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    tags: [...new Set(operations.map(({ route }) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      ...(hasIdentity ? { securitySchemes } : {}),
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      responses: {
        Problem: { description: 'A problem', content: { 'application/problem+json': { schema: problemRef } } },
      },
    },
  }
}

const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A token of the issuer of this server' },
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Json

/** JSON Schemas; named ones go among the components, and are referred to. */
const schemaWriter =
  (components: Record<string, unknown>): SchemaOf =>
  (schema, io) => {
    const { properties, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), { io, unrepresentable: 'any' })
    for (const [name, component] of Object.entries($defs)) {
      const { id: _, ...named } = component as Json
      components[name] = atComponents(named)
    }
    return atComponents(properties?.['it'] ?? {}) as Json
  }

const atComponents = (schema: unknown): unknown =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'))

const operationOf = (operation: string, route: Route, schemaOf: SchemaOf): Json => {
  const parameters = [
    ...parametersOf(route.params, 'path', schemaOf),
    ...parametersOf(route.query, 'query', schemaOf),
    ...headersOf(operation, route),
  ]
  const body = bodyOf(route, schemaOf)
  return {
    operationId: operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.command === undefined ? {} : { description: `Issues \`${route.command.type}\`.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: responsesOf(route, schemaOf),
  }
}

const parametersOf = (
  schema: z.ZodObject | undefined,
  place: 'path' | 'query',
  schemaOf: SchemaOf,
): readonly Json[] => {
  if (schema === undefined) return []
  const { properties, required } = schemaOf(schema, 'input') as { properties: Json; required?: readonly string[] }
  return Object.entries(properties).map(([name, property]) => {
    const { description: told, ...rest } = property as { description?: string }
    return {
      name,
      in: place,
      required: place === 'path' || (required ?? []).includes(name),
      ...(told === undefined ? {} : { description: told }),
      schema: rest,
    }
  })
}

const header = (name: string, told: string, schema: Json = { type: 'string' }): Json => ({
  name,
  in: 'header',
  required: false,
  description: told,
  schema,
})
const minimal = { type: 'string', examples: ['return=minimal'] }
const visible = { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' }

const digestHeader = header('Repr-Digest', '`sha-256=:base64:` (RFC 9530): bytes with another are refused')
const lengthHeader = header(
  'Upload-Length',
  'Of a request without a body: so many bytes of that Repr-Digest are to be left, and the answer says where they go',
  { type: 'integer' },
)
const partHeaders = [
  header('Range', 'One range: `bytes=0-1023`, `bytes=1024-`'),
  header('If-Range', 'The ETag of what is there already: of anything else the whole is sent'),
  header('If-None-Match', 'ETags of what is there already'),
]

const headersOf = (operation: string, { command, responses, raw }: Route): readonly Json[] => [
  ...(command === undefined
    ? []
    : [
        header('Idempotency-Key', 'Makes it safe to send again: the first answer comes again', visible),
        header('If-Match', 'The version that must be the present one, in quotes', {
          type: 'string',
          pattern: '^"[1-9][0-9]{0,14}"$',
        }),
        ...(takesPrefer(operation as Operation)
          ? [header('Prefer', '`return=minimal`: answered are id, status and version only', minimal)]
          : []),
      ]),
  ...(responses[200] === 'text/event-stream' || operation === 'readLog'
    ? [header('Last-Event-ID', 'Resumes after the event of this id')]
    : []),
  ...(raw === true ? [digestHeader, lengthHeader] : []),
  ...(responses[206] === undefined ? [] : partHeaders),
  header('X-Correlation-Id', 'Carried into every event, log line and answer', visible),
  header('traceparent', 'W3C Trace Context, carried along'),
]

const binary = { type: 'string', format: 'binary' }

const bodyOf = ({ body, bodyless, raw }: Route, schemaOf: SchemaOf): Json | undefined => {
  if (raw === true) return { required: true, content: { 'application/octet-stream': { schema: binary } } }
  if (bodyless === true) return undefined
  if (body === undefined) return undefined
  const required = !body.safeParse(undefined).success
  return { required, content: { 'application/json': { schema: schemaOf(body, 'input') } } }
}

const responsesOf = (route: Route, schemaOf: SchemaOf): Json => {
  const own = Object.entries(route.responses).map(([status, answer]) => [
    status,
    responseOf(route, Number(status), answer, schemaOf),
  ])
  const problems = problemStatuses(route).map((status) => [`${status}`, { $ref: '#/components/responses/Problem' }])
  return Object.fromEntries([...own, ...problems, ['default', { $ref: '#/components/responses/Problem' }]]) as Json
}

const meanings: Readonly<Record<number, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Begun',
  204: 'Nothing to do now',
  206: 'The range that was asked for',
  304: 'It is what the client has',
  307: 'Location says where the bytes are, or are to be brought',
}

const responseOf = (route: Route, status: number, answer: Route['responses'][number], schemaOf: SchemaOf): Json => {
  const told = meanings[status] ?? 'Done'
  if (answer === null || answer === undefined) return { description: told }
  if (typeof answer === 'string') {
    const also = route.alternative === undefined ? {} : { [route.alternative]: { schema: { type: 'string' } } }
    const schema = answer === 'application/octet-stream' ? binary : { type: 'string' }
    return { description: told, content: { [answer]: { schema }, ...also } }
  }
  const headers = {
    ...(route.command === undefined
      ? {}
      : { ETag: { schema: { type: 'string' } }, 'Idempotent-Replayed': { schema: { const: 'true' } } }),
    ...(status === 201 ? { Location: { schema: { type: 'string' } } } : {}),
  }
  return {
    description: told,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    content: { 'application/json': { schema: schemaOf(answer, 'output') } },
  }
}
