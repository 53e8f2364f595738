import type { ApiDocument, Route, Schema } from '../support/api-document'
import type { Call } from './call'
import { resolve } from './schema-walk'

type Value = Record<string, unknown>

/** Text fields that accept only certain values. */
const NOT_FREE = ['timeZone', 'specialization', 'refreshToken', 'cursor']

/** The call with `text` in every free-text field of its body and query; undefined if there is none. */
export function plantIn(document: ApiDocument, { operation }: Route, call: Call, text: string): Call | undefined {
  const schema = operation.requestBody?.content['application/json']?.schema
  const body = schema && plantInObject(document, schema, call.body ?? {}, text)
  const query = (operation.parameters ?? []).filter(
    (parameter) => parameter.in === 'query' && isFree(parameter.name, parameter.schema),
  )
  if (query.length === 0 && JSON.stringify(body ?? {}) === JSON.stringify(call.body ?? {})) return undefined
  const words = Object.fromEntries(query.map(({ name }) => [name, text]))
  return { ...call, ...(body && { body }), query: { ...call.query, ...words } }
}

const isFree = (name: string, schema: Schema) =>
  [schema.type].flat().includes('string') &&
  !NOT_FREE.includes(name) &&
  ['enum', 'const', 'format', 'pattern'].every((keyword) => !(keyword in schema))

function plantInObject(document: ApiDocument, schema: Schema, value: Value, text: string): Value {
  const {
    properties = {},
    additionalProperties,
    oneOf = [],
  } = resolve(document, schema) as {
    properties?: Record<string, Schema>
    additionalProperties?: unknown
    oneOf?: Schema[]
  }
  const planted: Value = { ...value }
  if (additionalProperties === true) planted[text.slice(0, 500)] = { deep: [text] }
  for (const [name, given] of Object.entries(properties)) {
    const member = resolve(document, given)
    if (isFree(name, member)) planted[name] = text
    else planted[name] = plantInMember(document, member, value[name], text)
    if (planted[name] === undefined) delete planted[name]
  }
  const branch = oneOf.find((one) => isOf(resolve(document, one), value))
  return branch ? { ...planted, ...plantInObject(document, branch, planted, text) } : planted
}

function plantInMember(document: ApiDocument, member: Schema, value: unknown, text: string): unknown {
  const isOpen = member.additionalProperties === true
  if (isOpen || (typeof value === 'object' && value !== null && !Array.isArray(value)))
    return plantInObject(document, member, (value ?? {}) as Value, text)
  if (!Array.isArray(value)) return value
  const items = resolve(document, member.items as Schema)
  return value.map((item) => (typeof item === 'object' ? plantInObject(document, items, item, text) : item))
}

/** Whether `value` has the constants of this branch of a discriminated union. */
const isOf = ({ properties = {} }: { properties?: Record<string, Schema> }, value: Value) =>
  Object.entries(properties).every(([name, { const: only, enum: few }]) =>
    only !== undefined ? value[name] === only : !Array.isArray(few) || few.length > 1 || few[0] === value[name],
  )
