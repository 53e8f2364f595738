import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { STATUS } from '../../src/http/problem'
import { apiDocument, type Media, type Route, routesOf, type Schema } from '../support/api-document'
import { createSchemaCompiler } from '../support/strict-schemas'
import { isImperative } from './imperative'
import { allSchemas, exampleOf, propertiesOf, resolve } from './schema-walk'

// Bun's five seconds are short on a busy machine.
setDefaultTimeout(600_000)

const document = await apiDocument()
const routes = routesOf(document)
const { strict, asWritten } = createSchemaCompiler(document)

/** The breaches of a rule, each with its operation. */
const breaches = (find: (route: Route) => (string | false | undefined)[]) =>
  routes.flatMap((route) =>
    find(route)
      .filter((breach) => breach !== false && breach !== undefined)
      .map((breach) => `${route.operation.operationId}: ${breach}`),
  )
const successOf = ({ operation }: Route) =>
  Object.entries(operation.responses).filter(([status]) => Number(status) < 400)
const failuresOf = ({ operation }: Route) =>
  Object.entries(operation.responses).filter(([status]) => Number(status) >= 400)
const isSecured = ({ operation }: Route) =>
  typeof operation['x-roles'] === 'object' || operation['x-roles'] === 'signed_in'
const isRestricted = ({ operation }: Route) =>
  typeof operation['x-roles'] === 'object' && operation['x-roles'].length < 3
const hasParameter = ({ operation }: Route, place: string, name: string) =>
  operation.parameters?.some((parameter) => parameter.in === place && parameter.name === name) ?? false

describe('the OpenAPI document', () => {
  test('the OpenAPI document passes a public validator', async () => {
    const result = await new Validator().validate(structuredClone(document))
    expect(result.errors).toBeUndefined()
    expect(result.valid).toBe(true)
    expect(document.openapi).toStartWith('3.1')
  })

  test('openapi-typescript turns the OpenAPI document into TypeScript types', async () => {
    const child = Bun.spawn([process.execPath, `${import.meta.dir}/generate-types.ts`], {
      stdin: new Blob([JSON.stringify(document)]),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [types, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    expect(errors).toBe('')
    for (const { operation } of routes) expect(types).toContain(`operations["${operation.operationId}"]`)
  })
})

describe('operations', () => {
  test('every operation has one tag, a unique verb as its id, an imperative summary of two to five words, and states its callers and its audit event', () => {
    const ids = routes.map(({ operation }) => operation.operationId)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
    expect(
      breaches(({ operation: { operationId, tags, summary, description } }) => [
        tags?.length !== 1 && `tags ${tags}`,
        !/^[a-z]+([A-Z][a-z0-9]*)*$/.test(operationId) && 'its id is not a camelCase verb',
        !isImperative(summary ?? '') && `summary ${summary}`,
        !/\S[\s\S]*\*\*Who:\*\* \S.*\*\*Audit:\*\* \S/.test(description ?? '') && `description ${description}`,
      ]),
    ).toEqual([])
  })

  test('every operation states its roles and a security that matches them', () => {
    const expected = { public: [], optional: [{}, { bearerAuth: [] }], signed_in: [{ bearerAuth: [] }] }
    expect(
      breaches(({ operation: { security, 'x-roles': roles } }) => {
        const known =
          ['public', 'optional', 'signed_in'].includes(String(roles)) || (Array.isArray(roles) && roles.length)
        const fitting = expected[typeof roles === 'string' ? roles : 'signed_in']
        return [
          !known && `x-roles ${roles}`,
          !Bun.deepEquals(security, fitting) && `security ${JSON.stringify(security)}`,
        ]
      }),
    ).toEqual([])
  })

  test('every operation documents exactly the parameters of its path', () => {
    expect(
      breaches((route) => {
        const named = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
        const documented = route.operation.parameters?.filter((parameter) => parameter.in === 'path') ?? []
        return [
          !Bun.deepEquals(documented.map(({ name }) => name).toSorted(), named.toSorted()) &&
            `path parameters ${named}`,
          documented.some(({ required }) => !required) && 'a path parameter is optional',
        ]
      }),
    ).toEqual([])
  })

  test('every POST and PUT for signed-in users takes an Idempotency-Key', () => {
    expect(
      breaches((route) => [
        /POST|PUT/.test(route.method) &&
          isSecured(route) &&
          !hasParameter(route, 'header', 'Idempotency-Key') &&
          'no Idempotency-Key',
      ]),
    ).toEqual([])
  })
})

describe('bodies and answers', () => {
  const media = (route: Route): [string, Media][] => [
    ...Object.values(route.operation.requestBody?.content ?? {}).map((body): [string, Media] => ['body', body]),
    ...Object.entries(route.operation.responses).flatMap(([status, { content }]) =>
      Object.values(content ?? {}).map((body): [string, Media] => [status, body]),
    ),
  ]

  test('all JSON bodies and answers are named components', () => {
    expect(
      breaches((route) => [
        ...Object.entries(route.operation.requestBody?.content ?? {}).map(
          ([, { schema }]) => !isNamed(schema) && 'body without a name',
        ),
        ...Object.entries(route.operation.responses).flatMap(([status, { content = {} }]) =>
          Object.entries(content).map(
            ([type, { schema }]) => type.endsWith('json') && !isNamed(schema) && `${status} without a name`,
          ),
        ),
      ]),
    ).toEqual([])
  })

  test('all bodies and answers have examples, and every example is strictly valid', () => {
    expect(
      breaches((route) =>
        media(route).flatMap(([place, { schema, example, examples }]) => {
          const own = example ?? (schema && exampleOf(document, schema))
          const shown = examples ? Object.entries(examples).map(([name, { value }]) => [name, value]) : [['', own]]
          return shown.flatMap(([name, value]) => {
            if (value === undefined) return [`${place}: no example`]
            const written = schema ? asWritten(schema)(value) : 'no schema'
            const exact = schema ? strict(schema)(value) : 'no schema'
            return [(written ?? exact) && `${place} example ${name}: ${written ?? exact}`]
          })
        }),
      ),
    ).toEqual([])
  })

  test('the examples of components are strictly valid', () => {
    const wrong = Object.entries(document.components.schemas).flatMap(([name, schema]) => {
      const error = 'example' in schema ? strict({ $ref: `#/components/schemas/${name}` })(schema.example) : undefined
      return error ? [`${name}: ${error}`] : []
    })
    expect(wrong).toEqual([])
  })

  test('request bodies refuse unknown fields at every depth, except in free-form data', () => {
    const open = breaches((route) =>
      Object.values(route.operation.requestBody?.content ?? {}).flatMap(({ schema }) => openObjects(schema!, 'body')),
    )
    expect(open).toEqual([])
  })

  test('every string, number and array in the OpenAPI document has bounds', () => {
    const unbounded = [...allSchemas(document, routes)].flatMap(([path, schema]) => {
      const missing = missingBound(schema)
      return missing ? [`${path}: ${missing}`] : []
    })
    expect([...new Set(unbounded)]).toEqual([])
  })

  test('every timestamp, day, id and email address in the OpenAPI document has a format', () => {
    const FORMATS: [RegExp, string][] = [
      [/(At|^from|^to)$/, 'date|date-time'],
      [/(^id|Id)$/, 'uuid'],
      [/^(dateOfBirth|validFrom|validUntil)$/, 'date'],
      [/^email$/, 'email'],
    ]
    const named = [...allSchemas(document, routes)].flatMap(([path, schema]) =>
      Object.entries((schema.properties as Record<string, Schema>) ?? {}).map(([name, value]) => ({
        path,
        name,
        value,
      })),
    )
    const wrong = named.flatMap(({ path, name, value }) => {
      const wanted = FORMATS.find(([pattern]) => pattern.test(name))?.[1]
      const formats = formatsOf(value)
      const exempt = name === 'requestId' || !wanted
      return exempt || formats.some((format) => wanted.split('|').includes(format))
        ? []
        : [`${path}.${name}: ${formats}`]
    })
    expect(wrong).toEqual([])
  })
})

describe('headers, links and problems', () => {
  test('every 201 documents Location, and every success documents RateLimit', () => {
    expect(
      breaches((route) =>
        successOf(route).flatMap(([status, { headers = {} }]) => [
          status === '201' && !headers.Location && '201 without Location',
          !headers['X-Request-Id'] && `${status} without X-Request-Id`,
          UNLIMITED.test(route.path) === Boolean(headers.RateLimit) && `${status} with RateLimit or not`,
        ]),
      ),
    ).toEqual([])
  })

  test('every 429 and 503 documents Retry-After, and every 401 documents WWW-Authenticate', () => {
    expect(
      breaches((route) =>
        failuresOf(route).flatMap(([status, { headers = {} }]) => [
          (status === '429' || status === '503') && !headers['Retry-After'] && `${status} without Retry-After`,
          status === '429' && !headers.RateLimit && '429 without RateLimit',
          status === '429' && UNLIMITED.test(route.path) && '429 of what is never limited',
          status === '401' && !headers['WWW-Authenticate'] && '401 without WWW-Authenticate',
        ]),
      ),
    ).toEqual([])
  })

  test('links of the OpenAPI document lead to existing operations and parameters', () => {
    expect(
      breaches((route) =>
        Object.values(route.operation.responses).flatMap(({ links = {} }) =>
          Object.entries(links).flatMap(([name, { operationId, parameters = {} }]) => {
            const target = routes.find(({ operation }) => operation.operationId === operationId)
            const unknown = Object.keys(parameters).filter(
              (parameter) => !target?.operation.parameters?.some(({ name }) => name === parameter.split('.').at(-1)),
            )
            return [!target && `link ${name}: no ${operationId}`, unknown.length > 0 && `link ${name}: ${unknown}`]
          }),
        ),
      ),
    ).toEqual([])
  })

  test('every operation documents its failures as problems with their codes', () => {
    expect(
      breaches((route) => {
        const documented = new Map(failuresOf(route))
        return [...expectedFailures(route)].map((status) => !documented.has(status) && `no ${status}`)
      }),
    ).toEqual([])
    expect(
      breaches((route) =>
        failuresOf(route).flatMap(([status, { description, content = {} }]) => {
          const media = content['application/problem+json']
          const codes = Object.keys(media?.examples ?? {})
          return [
            codes.length === 0 && `${status}: no codes`,
            ...codes.map((code) => STATUS[code as keyof typeof STATUS] !== Number(status) && `${status}: code ${code}`),
            ...codes.map((code) => !description.includes(`\`${code}\``) && `${status}: ${code} not in its description`),
            !media?.schema || !propertiesOf(document, media.schema).code ? `${status}: not a problem` : undefined,
          ]
        }),
      ),
    ).toEqual([])
  })
})

/** Never rate limited, so that monitoring is not locked out. */
const UNLIMITED = /^\/(health|metrics)/

function* expectedFailures(route: Route): Generator<string> {
  if (UNLIMITED.test(route.path) || ['/openapi.json', '/docs'].includes(route.path)) return
  yield* ['422', '429', '500', '503']
  if (route.operation['x-roles'] !== 'public') yield '401'
  if (isRestricted(route)) yield '403'
  if (route.path.includes('{')) yield '404'
  if (route.operation.requestBody) yield* ['400', '413', '415']
  if (hasParameter(route, 'header', 'Idempotency-Key')) yield '409'
  if (hasParameter(route, 'header', 'If-Match')) yield '412'
}

const isNamed = (schema?: Schema): boolean =>
  typeof schema?.$ref === 'string' ||
  ((schema?.oneOf as Schema[]) ?? [{}]).every(({ $ref }) => typeof $ref === 'string')

function openObjects(schema: Schema, path: string): string[] {
  const here = resolve(document, schema)
  const inner = [
    ...Object.entries((here.properties as Record<string, Schema>) ?? {}).map(([name, value]) => [name, value] as const),
    ...['allOf', 'anyOf', 'oneOf'].flatMap((keyword) =>
      ((here[keyword] as Schema[]) ?? []).map((part) => [keyword, part] as const),
    ),
    ...(here.items ? [['items', here.items as Schema] as const] : []),
  ].flatMap(([name, value]) => openObjects(value, `${path}.${name}`))
  const isOpen =
    here.properties !== undefined && here.additionalProperties !== false && here.unevaluatedProperties !== false
  return isOpen ? [`${path} lets unknown fields in`, ...inner] : inner
}

/** Formats whose values have a fixed length. */
const FIXED = ['uuid', 'date', 'date-time']

function missingBound(schema: Schema): string | undefined {
  const types = [schema.type].flat()
  if (schema.enum !== undefined || schema.const !== undefined) return undefined
  if (types.includes('string') && schema.maxLength === undefined && !FIXED.includes(String(schema.format)))
    return 'a string without maxLength'
  if (types.includes('integer') || types.includes('number')) {
    if (schema.minimum === undefined && schema.exclusiveMinimum === undefined) return 'a number without minimum'
    if (schema.maximum === undefined && schema.exclusiveMaximum === undefined) return 'a number without maximum'
  }
  if (types.includes('array') && schema.maxItems === undefined) return 'an array without maxItems'
  return undefined
}

function formatsOf(schema: Schema): string[] {
  const here = resolve(document, schema)
  const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (here[keyword] as Schema[]) ?? [])
  return [...(typeof here.format === 'string' ? [here.format] : []), ...parts.flatMap(formatsOf)]
}
