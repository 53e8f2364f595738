import type { ApiDocument, Route, Schema } from '../support/api-document'
import {
  BAD_BODIES,
  BAD_CONTENT_TYPES,
  BAD_HEADERS,
  BAD_MEMBERS,
  BAD_QUERY_VALUES,
  BAD_SEGMENTS,
  BAD_TOKENS,
  UNSTORABLE,
} from './bad-values'
import type { Call } from './call'
import { addressOf, sentBy } from './calls'
import { propertiesOf, resolve } from './schema-walk'

/** A request with one wrong or unusual part. */
export type BadCase = {
  name: string
  address: string
  body?: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  /** The field that was changed, as `errors` names it. */
  field?: string
  /** The allowed statuses; undefined allows every documented one. */
  verdict?: number[]
  /** Part of every run, not only of the full one. */
  always?: boolean
  /** A value that the API must refuse if the schema of the document refuses it. */
  judge?: { schema: Schema; value: unknown }
}

const REFUSED = [400, 413, 415, 422]

/** Every bad request to one operation, in a fixed order; `valid` is a request that succeeds. */
export function* badCases(document: ApiDocument, route: Route, valid: Call): Generator<BadCase> {
  const cases = everyCase(document, route, valid)
  // Health checks depend on nothing of the request.
  if (route.path.startsWith('/health/')) for (const bad of cases) yield { ...bad, verdict: [200] }
  else yield* cases
}

function* everyCase(document: ApiDocument, route: Route, valid: Call): Generator<BadCase> {
  yield* badSegments(route, valid)
  yield* badQueries(route, valid)
  yield* badHeaders(route, valid)
  if (route.method === 'GET') return
  const address = addressOf(route.path, valid)
  const media = route.operation.requestBody?.content['application/json']
  if (!media?.schema) return yield* unwantedBodies(address)
  const seen = new Set<string>()
  for (const base of [valid.body ?? {}, ...examplesOf(document, media.schema)])
    yield* badMembers(document, media.schema, base, address, seen)
  yield* badBodies(address, valid)
}

function* badSegments({ path, operation }: Route, valid: Call): Generator<BadCase> {
  for (const { name } of operation.parameters?.filter((parameter) => parameter.in === 'path') ?? [])
    for (const segment of BAD_SEGMENTS) {
      const [before, after] = addressOf(path, { ...valid, path: { ...valid.path, [name]: '@' } }).split('%40')
      yield {
        name: `path ${name} = ${shorten(segment)}`,
        address: `${before}${segment}${after}`,
        body: sentBy(valid).body,
        verdict: [404, 405, 422],
      }
    }
}

function* badQueries({ path, operation }: Route, valid: Call): Generator<BadCase> {
  const known = operation.parameters?.filter((parameter) => parameter.in === 'query') ?? []
  const address = addressOf(path, { ...valid, query: {} })
  const ask = (name: string, query: string, rest: Partial<BadCase>): BadCase => ({
    name: `query ${shorten(name)}`,
    address: `${address}?${query}`,
    body: sentBy(valid).body,
    ...rest,
  })
  for (const { name, schema } of known) {
    for (const value of BAD_QUERY_VALUES) {
      const read = new URLSearchParams(`a=${value}`).get('a')!
      const verdict = read.includes('\0') ? REFUSED : undefined
      const judge = { schema, value: /integer|number/.test(String(schema.type)) ? numberOf(read) : read }
      yield ask(`${name} = ${value}`, `${name}=${value}`, { judge, verdict, field: `query.${name}` })
    }
    yield ask(`${name} twice`, `${name}=1&${name}=2`, { verdict: [422] })
    yield ask(`${name} as a list`, `${name}[]=1`, { verdict: [422] })
    yield ask(`${name} as an object`, `${name}[$gt]=`, { verdict: [422] })
  }
  for (const name of ['unknown', '__proto__', 'constructor', '%24where', '%00', '%ff', 'x'.repeat(5_000)])
    yield ask(`${name} is unknown`, `${name}=1`, { verdict: [422] })
}

function* badHeaders({ path, method, operation }: Route, valid: Call): Generator<BadCase> {
  const known = operation.parameters?.filter((parameter) => parameter.in === 'header').map(({ name }) => name) ?? []
  const address = addressOf(path, valid)
  for (const [header, value, status] of BAD_HEADERS) {
    const verdict = status && known.includes(header) ? [status] : undefined
    const name = `header ${header}: ${shorten(value)}`
    yield { name, address, body: sentBy(valid).body, headers: { [header]: value }, verdict }
  }
  if (method === 'GET' || !operation.requestBody) return
  const types = valid.upload ? BAD_CONTENT_TYPES.filter((type) => !type.startsWith('multipart/')) : BAD_CONTENT_TYPES
  for (const type of types)
    yield {
      name: `content type ${type}`,
      address,
      body: sentBy({ ...valid, body: valid.body ?? { a: 1 } }).body,
      headers: { 'content-type': type },
      verdict: [415],
    }
}

function* badMembers(
  document: ApiDocument,
  schema: Schema,
  base: Record<string, unknown>,
  address: string,
  seen: Set<string>,
): Generator<BadCase> {
  for (const path of pathsOf(document, schema, base)) {
    const field = path.join('.')
    if (seen.has(field)) continue
    seen.add(field)
    for (const [name, token] of Object.entries(BAD_TOKENS))
      yield { ...judged(`${field} = ${name}`, address, schema, withMember(base, path, token), field), ...marks(name) }
    yield judged(`${field} is missing`, address, schema, withMember(base, path, undefined), field)
  }
  for (const [where, object] of objectsOf(base)) {
    if (seen.has(`${where}{}`)) continue
    seen.add(`${where}{}`)
    for (const [name, member] of Object.entries(BAD_MEMBERS)) {
      const open = JSON.stringify(object)
      const body = JSON.stringify(base).replace(open, `{${member}${open === '{}' ? '' : ','}${open.slice(1)}`)
      yield { ...judged(`${name} in ${where || 'the body'}`, address, schema, body), ...marks(name) }
    }
  }
}

const judged = (name: string, address: string, schema: Schema, body: string, field?: string): BadCase => ({
  name,
  address,
  body,
  field,
  judge: { schema, value: JSON.parse(body) },
})

const marks = (name: string) => (UNSTORABLE.has(name) ? { verdict: REFUSED, always: true } : {})

function* badBodies(address: string, valid: Call): Generator<BadCase> {
  for (const [name, body] of Object.entries(BAD_BODIES)) yield { name: `body ${name}`, address, body, verdict: REFUSED }
  yield { name: 'the body in a list', address, body: `[${sentBy(valid).body ?? '{}'}]`, verdict: REFUSED }
}

function* unwantedBodies(address: string): Generator<BadCase> {
  for (const [name, body] of Object.entries({ ...BAD_BODIES, 'an object': '{"a":1}' }))
    yield { name: `unwanted body ${name}`, address, body, verdict: REFUSED }
}

/** The documented examples of a body: one of each alternative. */
function examplesOf(document: ApiDocument, schema: Schema): Record<string, unknown>[] {
  const { oneOf = [], anyOf = [], example } = resolve(document, schema) as Record<'oneOf' | 'anyOf', Schema[]> & Schema
  const own = example === undefined ? [] : [example as Record<string, unknown>]
  return [...own, ...[...oneOf, ...anyOf].flatMap((branch) => examplesOf(document, branch))]
}

/** Paths of every field in the schema or in `base`, three levels deep. */
function pathsOf(document: ApiDocument, schema: Schema, base: Record<string, unknown>): string[][] {
  const inside = (value: unknown, depth: number): string[][] =>
    typeof value !== 'object' || value === null || depth === 3
      ? []
      : Object.entries(value)
          .slice(0, Array.isArray(value) ? 1 : undefined)
          .flatMap(([key, member]) => [[key], ...inside(member, depth + 1).map((rest) => [key, ...rest])])
  const missing = Object.keys(propertiesOf(document, schema)).filter((name) => !(name in base))
  return [...inside(base, 0), ...missing.map((name) => [name])]
}

function objectsOf(value: unknown, where = ''): [string, object][] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value)
    .slice(0, Array.isArray(value) ? 1 : undefined)
    .flatMap(([key, member]) => objectsOf(member, where === '' ? key : `${where}.${key}`))
  return Array.isArray(value) ? inner : [[where, value], ...inner]
}

const PLACE = '@@here@@'

/** The JSON text of `base` with `token` at `path`; undefined removes the member. */
function withMember(base: Record<string, unknown>, path: string[], token: string | undefined): string {
  const copy = structuredClone(base)
  let at = copy
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>
  const last = path.at(-1)!
  if (token !== undefined) at[last] = PLACE
  else if (Array.isArray(at)) at.splice(Number(last), 1)
  else delete at[last]
  return JSON.stringify(copy).replace(`"${PLACE}"`, () => token ?? '')
}

const numberOf = (text: string) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text)

const shorten = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}… (${text.length})` : text)
