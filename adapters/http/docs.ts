/** The reference to browse: OpenAPI as one static page. No script, nothing from elsewhere; works in any browser and reader. */
import { createHash } from 'node:crypto'
import { content, type Reply } from './replies.ts'

type Json = Readonly<Record<string, unknown>>

interface Documented {
  operationId: string
  tags: readonly string[]
  summary: string
  description?: string
  parameters?: readonly { name: string; in: string; required: boolean; description?: string; schema: Json }[]
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> }
  responses: Record<string, { description?: string; $ref?: string; content?: Record<string, { schema: Json }> }>
}

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 25%, transparent) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
nav ul { columns: 18rem; padding-left: 1.2rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .75rem; border: 1px solid var(--line); border-radius: .4rem }
details { border-top: 1px solid var(--line); padding: .4rem 0 }
summary { cursor: pointer; overflow-wrap: anywhere }
summary:focus-visible, a:focus-visible { outline: 3px solid Highlight; outline-offset: 2px }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid var(--line) }
`

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export const docsPage = (document: Json): Reply => {
  const digest = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  return content(pageOf(document), 'text/html; charset=utf-8', {
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
  })
}

interface Place {
  method: string
  path: string
  documented: Documented
}

const pageOf = (document: Json): string => {
  const { title, version, description } = document['info'] as { title: string; version: string; description: string }
  const { schemas } = document['components'] as { schemas: Record<string, Json> }
  const paths = document['paths'] as Record<string, Record<string, Documented>>
  const places = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, documented]) => ({ method: method.toUpperCase(), path, documented })),
  )
  const groups = Map.groupBy(places, ({ documented }) => documented.tags[0] ?? '')
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)} API ${escaped(version)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${style}</style></head>
<body><header><h1>${escaped(title)} API <small>${escaped(version)}</small></h1>
<p>${escaped(description)}</p><p>For machines: <a href="/openapi.json">openapi.json</a></p></header>
<nav aria-label="Operations"><ul>${places.map(link).join('')}</ul></nav>
<main>${[...groups].map(([tag, all]) => `<section aria-labelledby="tag-${tag}"><h2 id="tag-${tag}">${escaped(tag)}</h2>${all.map(place).join('')}</section>`).join('')}
<section aria-labelledby="schemas"><h2 id="schemas">schemas</h2>${Object.entries(schemas).map(schema).join('')}</section></main></body></html>`
}

const link = ({ documented: { operationId } }: Place): string => `<li><a href="#${operationId}">${operationId}</a></li>`

const place = ({ method, path, documented }: Place): string => {
  const { operationId, summary, description = '', parameters = [], requestBody, responses } = documented
  return `<details id="${operationId}" open><summary><code><strong>${method}</strong> ${escaped(path)}</code> ${escaped(summary)}</summary>
${description === '' ? '' : `<p>${escaped(description)}</p>`}${parameters.length === 0 ? '' : parameterTable(parameters)}
${requestBody === undefined ? '' : `<h3>Body${requestBody.required ? '' : ' (optional)'}</h3>${contents(requestBody.content)}`}
<h3>Answers</h3><ul>${Object.entries(responses).map(answer).join('')}</ul></details>`
}

const parameterTable = (parameters: NonNullable<Documented['parameters']>): string =>
  `<table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">Schema</th></tr></thead><tbody>${parameters
    .map((each) => {
      const about = each.description === undefined ? '' : `${escaped(each.description)}<br>`
      return `<tr><th scope="row"><code>${escaped(each.name)}</code>${each.required ? ' (required)' : ''}</th><td>${each.in}</td><td>${about}<code>${escaped(JSON.stringify(each.schema))}</code></td></tr>`
    })
    .join('')}</tbody></table>`

const answer = ([status, { description, $ref, content: sent }]: [string, Documented['responses'][string]]): string => {
  const told = $ref === undefined ? escaped(description ?? '') : '<a href="#schema-Problem">Problem</a>'
  return `<li><code>${status}</code> ${told}${sent === undefined ? '' : contents(sent)}</li>`
}

const contents = (sent: Record<string, { schema: Json }>): string =>
  Object.entries(sent)
    .map(([type, { schema: each }]) => `<p><code>${escaped(type)}</code></p>${pretty(each)}`)
    .join('')

const schema = ([name, each]: [string, Json]): string =>
  `<details id="schema-${name}"><summary><code>${name}</code></summary>${pretty(each)}</details>`

/** Indented JSON in which references are links. */
const pretty = (each: Json): string => {
  const text = escaped(JSON.stringify(each, null, 2))
  return `<pre tabindex="0">${text.replaceAll(/#\/components\/schemas\/(\w+)/g, '<a href="#schema-$1">$1</a>')}</pre>`
}
