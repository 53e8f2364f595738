import { type ApiDescription, type Media, operationsOf } from './document'

type Schema = { [keyword: string]: unknown }

/** Formats whose values have one length. */
const FIXED = ['uuid', 'date', 'date-time']

/** What most operations need. */
const SECURITY = [{ bearerAuth: [] }]

/**
 * Removes what the document says twice: the usual security, examples that a named schema shows itself, and lengths that a
 * format implies.
 */
export function leaveOutRepetitions(document: ApiDescription): void {
  const schemas = document.components.schemas as Record<string, Schema>
  document.security = SECURITY
  for (const { operation } of operationsOf(document)) {
    if (JSON.stringify(operation.security) === JSON.stringify(SECURITY)) delete operation.security
    for (const { schema } of operation.parameters ?? []) if (schema) leaveOutLength(schema)
    for (const { content = {} } of [operation.requestBody ?? {}, ...Object.values(operation.responses)])
      for (const media of Object.values(content)) {
        const known = schemas[String(media.schema?.$ref).split('/').at(-1)!]?.example
        if (known !== undefined && JSON.stringify(known) === JSON.stringify(media.example)) delete media.example
      }
  }
  const sent = new Set(operationsOf(document).map(({ operation }) => nameOf(operation.requestBody?.content)))
  for (const [name, schema] of Object.entries(schemas)) {
    for (const part of partsOf(schema)) {
      leaveOutLength(part)
      if (part !== schema && schema.example !== undefined) delete part.example
    }
    if (!sent.has(name) && isShownByParts(schema, schemas)) delete schema.example
  }
}

/** The name of a JSON body's schema. */
const nameOf = (content: Record<string, Media> = {}) =>
  String(content['application/json']?.schema?.$ref).split('/').at(-1)!

function leaveOutLength(schema: Schema): void {
  if (FIXED.includes(String(schema.format))) delete schema.maxLength
}

/** Whether tools can put an example together: from named schemas with examples, whole numbers and what may be null. */
function isShownByParts({ type, $ref, items, properties, allOf }: Schema, schemas: Record<string, Schema>): boolean {
  const isShown = (part: unknown) => isShownByParts(part as Schema, schemas)
  if ($ref !== undefined) {
    const named = schemas[String($ref).split('/').at(-1)!]!
    return named.example !== undefined || isShownByParts(named, schemas)
  }
  if (allOf) return (allOf as Schema[]).every(isShown)
  if (properties) return Object.values(properties).every(isShown)
  return items ? isShown(items) : type === 'integer' || [type].flat().includes('null')
}

/** A schema and all schemas inside it. */
function* partsOf(schema: Schema): Generator<Schema> {
  yield schema
  const { properties = {}, items, additionalProperties, allOf = [], anyOf = [], oneOf = [] } = schema
  const lists = [allOf, anyOf, oneOf] as Schema[][]
  for (const part of [...Object.values(properties as object), items, additionalProperties, ...lists.flat()])
    if (typeof part === 'object' && part !== null) yield* partsOf(part)
}
