import { Ajv2020 } from 'ajv/dist/2020'
import addFormats from 'ajv-formats'
import type { ApiDocument, Schema } from './api-document'

/** Returns undefined when the value is valid; otherwise the error in one line. */
export type Check = (value: unknown) => string | undefined

const COMPONENT = '#/components/schemas/'
const SINGLE = ['items', 'additionalProperties', 'contains', 'propertyNames', 'if', 'then', 'else'] as const
const NAMED = ['properties', 'patternProperties', 'dependentSchemas'] as const

/**
 * Compiles schemas of a document. `strict` refuses unknown properties in every object without a rule for them, so that
 * an extra column in an answer is found; `asWritten` checks as the validator of a client would.
 */
export function createSchemaCompiler({ components }: ApiDocument) {
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateSchema: false })
  addFormats.default(ajv)
  const each = (rewrite: (schema: Schema) => unknown) =>
    Object.fromEntries(Object.entries(components.schemas).map(([name, schema]) => [name, rewrite(schema)]))
  ajv.addSchema({
    $id: 'api',
    written: each((schema) => repoint(schema, 'written')),
    closed: each((schema) => close(schema)),
    open: each((schema) => close(schema, 'leave open')),
  })

  const compile = (schema: Schema): Check => {
    const validate = ajv.compile(schema)
    const extra = () => {
      const params: Record<string, unknown> = validate.errors?.[0]?.params ?? {}
      const name = params.additionalProperty ?? params.unevaluatedProperty
      return name === undefined ? '' : ` (${name})`
    }
    return (value) => (validate(value) ? undefined : ajv.errorsText(validate.errors, { dataVar: 'body' }) + extra())
  }
  return {
    strict: oncePerSchema((schema) => compile(close(schema) as Schema)),
    asWritten: oncePerSchema((schema) => compile(repoint(schema, 'written') as Schema)),
  }
}

/** Caches by object and by text: compiling is slow, and equal schemas of different answers are different objects. */
function oncePerSchema(make: (schema: Schema) => Check): (schema: Schema) => Check {
  const ofObject = new WeakMap<Schema, Check>()
  const ofText = new Map<string, Check>()
  return (schema) => {
    const known = ofObject.get(schema)
    if (known) return known
    const text = JSON.stringify(schema)
    const check = ofText.get(text) ?? make(schema)
    ofText.set(text, check)
    ofObject.set(schema, check)
    return check
  }
}

export type SchemaCompiler = ReturnType<typeof createSchemaCompiler>

/**
 * Members of an `allOf` must stay open at their own level, or each would refuse the properties of the others: the
 * schema around them closes the whole by `unevaluatedProperties`. Components therefore exist twice.
 */
function close(schema: unknown, level: 'close' | 'leave open' = 'close'): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  const given = schema as Schema
  const branches = ['anyOf', 'oneOf', 'allOf'].filter((keyword) => Array.isArray(given[keyword]))
  const composed =
    Array.isArray(given.allOf) || (given.properties !== undefined && (branches.length > 0 || '$ref' in given))
  const inner = composed || level === 'leave open' ? 'leave open' : 'close'

  const out: Schema = { ...given }
  if (typeof given.$ref === 'string') out.$ref = pointTo(inner === 'close' ? 'closed' : 'open', given.$ref)
  for (const keyword of SINGLE) if (keyword in given) out[keyword] = close(given[keyword])
  for (const keyword of NAMED)
    if (keyword in given) out[keyword] = mapValues(given[keyword] as Schema, (member) => close(member))
  if (Array.isArray(given.prefixItems)) out.prefixItems = given.prefixItems.map((item) => close(item))
  for (const keyword of branches) out[keyword] = (given[keyword] as unknown[]).map((branch) => close(branch, inner))

  if (level === 'leave open' || 'additionalProperties' in given || 'unevaluatedProperties' in given) return out
  if (composed) out.unevaluatedProperties = false
  else if (given.properties !== undefined || [given.type].flat().includes('object')) out.additionalProperties = false
  return out
}

function repoint(schema: unknown, set: 'written'): unknown {
  if (Array.isArray(schema)) return schema.map((item) => repoint(item, set))
  if (typeof schema !== 'object' || schema === null) return schema
  return mapValues(schema as Schema, (value, key) =>
    key === '$ref' && typeof value === 'string' ? pointTo(set, value) : repoint(value, set),
  )
}

function pointTo(set: 'written' | 'closed' | 'open', ref: string): string {
  if (!ref.startsWith(COMPONENT)) throw new Error(`a reference outside of the components: ${ref}`)
  return `api#/${set}/${ref.slice(COMPONENT.length)}`
}

const mapValues = (object: Schema, map: (value: unknown, key: string) => unknown): Schema =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))
