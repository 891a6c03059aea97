import { expect, test } from 'vitest'
import { operations } from '../../../adapters/routes.ts'
import { bench, expectProblem, openDriver } from './driver.ts'

test('the process is up, and says when it can serve', async () => {
  const { get } = openDriver()
  expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'up' } })
  expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })
  const away = openDriver({ unready: () => 'the views are 9 000 commits behind' })
  expect((await away.get('/healthz')).status).toBe(200)
  const answered = await away.get('/readyz')
  expectProblem(answered, 503, 'not-ready')
  expect(answered.body.detail).toBe('the views are 9 000 commits behind')
  expect(answered.headers.get('retry-after')).toBe('1')
})

test('the views tell how far they are, and are rebuilt', async () => {
  const { get, post } = openDriver()
  expect(await get('/v1/views')).toMatchObject({ status: 200, body: { items: [], rebuilding: false } })
  expect(await post('/v1/views/rebuild')).toMatchObject({ status: 202, body: { rebuilding: true } })
})

test('metrics tell durations by operation, problems by code, and what the house counts', async () => {
  const { get, post } = openDriver()
  await post('/v1/benches', bench)
  await get('/v1/benches/nope')
  await get('/v1/nope')
  for (const _ of [1, 2]) {
    const { text, headers } = await get('/metrics')
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(text).toContain('benchplane_http_request_duration_seconds_count{operation="registerBench",status="201"} 1')
    expect(text).toContain('benchplane_http_request_duration_seconds_count{operation="other",status="404"} 1')
    expect(text).toContain('benchplane_http_problems_total{code="not-found"} 2')
    expect(text).toContain('# TYPE benchplane_conflicts_total counter\nbenchplane_conflicts_total 3')
    expect(text).toContain('process_resident_memory_bytes')
  }
})

const openApi = async () => (await openDriver().get('/openapi.json')).body

test('OpenAPI has every route once, with its parameters', async () => {
  const document = await openApi()
  expect(document.openapi).toBe('3.1.0')
  const told = Object.entries(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
  )
  expect(told.toSorted()).toEqual(
    operations.map(({ operation, method, path }) => `${operation} ${method} ${path}`).toSorted(),
  )
  for (const { method, path, route } of operations) {
    const each = document.paths[path][method.toLowerCase()]
    const names = (each.parameters as { name: string; in: string; required: boolean }[]).filter(
      (one) => one.in === 'path',
    )
    expect(names.map(({ name }) => name).toSorted()).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name).toSorted(),
    )
    expect(names.every(({ required }) => required)).toBe(true)
    expect(Object.keys(each.responses)).toEqual(expect.arrayContaining([...Object.keys(route.responses), 'default']))
  }
})

test('OpenAPI refers to nothing that is not there, and names every component that is used', async () => {
  const document = await openApi()
  const references = new Set<string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref') references.add(String(item))
      else visit(item)
    }
  }
  visit(document)
  for (const reference of references) {
    expect(reference).toMatch(/^#\/components\/(schemas|responses)\/\w+$/)
    const [, , section = '', name = ''] = reference.split('/')
    expect(document.components[section]).toHaveProperty(name)
  }
  const unused = Object.keys(document.components.schemas).filter(
    (name) => !references.has(`#/components/schemas/${name}`),
  )
  expect(unused).toEqual([])
})

test('OpenAPI patterns and limits are those that are checked', async () => {
  const document = await openApi()
  const { schema, required } = document.paths['/v1/reservations'].post.requestBody.content['application/json'] && {
    ...document.paths['/v1/reservations'].post.requestBody.content['application/json'],
    required: document.paths['/v1/reservations'].post.requestBody.required,
  }
  expect(required).toBe(true)
  expect(schema).toMatchObject({ additionalProperties: false, required: ['holder', 'benches'] })
  expect(schema.properties.benches).toMatchObject({ minItems: 1, maxItems: 16 })
  expect(schema.properties.priority).toEqual({ default: 50, type: 'integer', minimum: 0, maximum: 100 })
  const limit = document.paths['/v1/benches'].get.parameters.find(({ name }: { name: string }) => name === 'limit')
  expect(limit).toMatchObject({
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
  })
  const patterns = JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)
  for (const [, pattern = ''] of patterns) expect(() => new RegExp(JSON.parse(pattern), 'u')).not.toThrow()
  expect(JSON.stringify(document)).not.toContain('$defs')
})

test('the reference is one page that needs nothing from elsewhere, and runs no script', async () => {
  const { status, text, headers } = await openDriver().get('/docs')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
  )
  expect(text).toMatch(/^<!doctype html>\n<html lang="en">/)
  expect(text).not.toMatch(/<script|<img|<link|@import|url\(|https?:\/\/(?!json-schema)/)
  for (const { operation } of operations) expect(text).toContain(`<details id="${operation}"`)
  const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target)
})

test('who has no time for a rebuild says so, and does not pretend to have begun one', async () => {
  const { house } = openDriver()
  const viewsAdmin = { status: async () => house.viewsAdmin.status() }
  expectProblem(await openDriver({ viewsAdmin }).post('/v1/views/rebuild'), 409, 'not-rebuilt-here')
})
