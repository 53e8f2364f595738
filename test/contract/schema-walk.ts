import type { ApiDocument, Media, Route, Schema } from '../support/api-document'

/** Follows a reference and keeps the keywords beside it. */
export function resolve(document: ApiDocument, schema: Schema): Schema {
  const { $ref, ...rest } = schema
  if (typeof $ref !== 'string') return schema
  const target = document.components.schemas[$ref.split('/').at(-1)!]
  if (!target) throw new Error(`${$ref} leads nowhere`)
  return { ...resolve(document, target), ...rest }
}

/** The properties of an object schema, with those of all its parts and alternatives. */
export function propertiesOf(document: ApiDocument, schema: Schema): Record<string, Schema> {
  const {
    properties = {},
    allOf = [],
    oneOf = [],
    anyOf = [],
  } = resolve(document, schema) as {
    properties?: Record<string, Schema>
    allOf?: Schema[]
    oneOf?: Schema[]
    anyOf?: Schema[]
  }
  const parts = [...allOf, ...oneOf, ...anyOf].map((part) => propertiesOf(document, part))
  return Object.assign({}, ...parts, properties)
}

/** Its own example or, as tools do, one put together from the examples of its parts. */
export function exampleOf(document: ApiDocument, schema: Schema): unknown {
  const { type, example, properties, items, allOf } = resolve(document, schema) as {
    type?: string | string[]
    example?: unknown
    properties?: Record<string, Schema>
    items?: Schema
    allOf?: Schema[]
  }
  if (example !== undefined) return example
  if (allOf) return Object.assign({}, ...allOf.map((part) => exampleOf(document, part)))
  if (properties)
    return Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, exampleOf(document, part)]))
  if (items) return [exampleOf(document, items)]
  return [type].flat().includes('null') ? null : type === 'integer' ? 0 : undefined
}

const INNER = ['properties', 'patternProperties', 'dependentSchemas']
const ITEMS = ['items', 'additionalProperties', 'contains', 'not', 'propertyNames', 'unevaluatedProperties']
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems']

/** Every schema inside `schema` with its path, itself first; references are not followed. */
export function* walk(schema: Schema, path: string): Generator<[path: string, schema: Schema]> {
  yield [path, schema]
  for (const keyword of INNER)
    for (const [name, member] of Object.entries((schema[keyword] as Record<string, Schema>) ?? {}))
      yield* walk(member, `${path}.${name}`)
  for (const keyword of ITEMS) if (isSchema(schema[keyword])) yield* walk(schema[keyword], `${path}.${keyword}`)
  for (const keyword of LISTS)
    for (const [i, member] of ((schema[keyword] as Schema[]) ?? []).entries())
      yield* walk(member, `${path}.${keyword}[${i}]`)
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null

/** Every schema written in the document: components, parameters, headers, bodies and answers. */
export function* allSchemas(document: ApiDocument, routes: Route[]): Generator<[path: string, schema: Schema]> {
  for (const [name, schema] of Object.entries(document.components.schemas)) yield* walk(schema, name)
  for (const { operation } of routes) {
    const { operationId, parameters = [], requestBody, responses } = operation
    for (const { name, schema } of parameters) yield* walk(schema, `${operationId} parameter ${name}`)
    for (const [type, { schema }] of mediaOf(requestBody?.content)) yield* walk(schema, `${operationId} body ${type}`)
    for (const [status, { headers = {}, content }] of Object.entries(responses)) {
      for (const [name, { schema }] of Object.entries(headers)) yield* walk(schema, `${operationId} ${status} ${name}`)
      for (const [type, { schema }] of mediaOf(content)) yield* walk(schema, `${operationId} ${status} ${type}`)
    }
  }
}

const mediaOf = (content: Record<string, Media> = {}) =>
  Object.entries(content).flatMap(([type, { schema }]) => (schema ? [[type, { schema }] as const] : []))
