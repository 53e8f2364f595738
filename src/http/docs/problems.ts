import { type ApiDescription, type Json, type Media, operationsOf } from './document'

type ObjectSchema = { properties?: Record<string, Json>; allOf?: ObjectSchema[] }
type OfCode = { allOf: [{ $ref: string }, { properties: Record<string, Json> }] }

const PROBLEM = 'application/problem+json'

/**
 * Gives each problem code a schema of its own, and each failure the union of its codes, so that a generated client knows the
 * members of a problem by its `code`. A code has the members of `Problem` and those that its examples show. Its schema has the
 * name of the code: a discriminator then needs no mapping.
 */
export function describeProblems({ paths, components }: Pick<ApiDescription, 'paths' | 'components'>): void {
  const declared = components.schemas as Record<string, ObjectSchema>
  const common = declared.Problem!.properties!
  const ofCodes: Record<string, OfCode> = {}
  const replaced = new Set<string>()
  for (const { operation } of operationsOf({ paths })) {
    for (const { content = {} } of Object.values(operation.responses)) {
      const media = content[PROBLEM]
      if (!media) continue
      const name = nameIn(media)
      if (name !== 'Problem') replaced.add(name)
      const codes = Object.entries(media.examples ?? {})
      for (const [code, { value }] of codes) {
        ofCodes[code] ??= problemWith(code)
        const [, { properties }] = ofCodes[code]!.allOf
        for (const member of Object.keys(value))
          if (!(member in common)) properties[member] = memberOf(declared[name]!, member)
      }
      media.schema = unionOf(codes.map(([code]) => code))
    }
  }
  for (const name of replaced) delete declared[name]
  Object.assign(declared, ofCodes)
}

const problemWith = (code: string): OfCode => ({
  allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: [code] } } }],
})

/** An extended schema is the parts that it extends and one with its own members. */
const memberOf = ({ properties, allOf = [] }: ObjectSchema, member: string): Json =>
  properties?.[member] ?? memberOf(allOf.find((part) => part.properties?.[member])!, member)

const nameIn = ({ schema }: Media) => (schema as { $ref: string }).$ref.split('/').at(-1)!

function unionOf(codes: string[]): Json {
  const schemas = codes.map((code) => ({ $ref: `#/components/schemas/${code}` }))
  return schemas.length === 1 ? schemas[0]! : { oneOf: schemas, discriminator: { propertyName: 'code' } }
}
