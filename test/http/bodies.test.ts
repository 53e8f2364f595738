import { describe, expect, test } from 'bun:test'
import { z } from '@hono/zod-openapi'
import { cutToBounds, definitionOf, maximumOf } from '../../src/http/operations/bounds'
import { createIdleApp } from '../support/api-document'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = { name: 'Harbor', timeZone: 'Europe/Berlin', currency: 'EUR' }

describe('a text is cut before a pattern reads it', () => {
  test('a pattern or rule of a schema never gets a text much longer than its maximum', () => {
    const lengths: number[] = []
    const noting = (text: string) => lengths.push(text.length) > 0 && text.length <= 5
    const schema = z.strictObject({
      code: z.string().refine(noting).max(5),
      list: z.array(z.string().refine(noting).max(5)).max(2),
    })
    const errors: { path: string; message: string }[] = []
    const value = { code: 'x'.repeat(60_000), list: Array(2_000).fill('y'.repeat(30)) }
    expect(schema.safeParse(cutToBounds(schema, value, '', errors)).success).toBe(false)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(21)
    expect(lengths.length).toBeLessThanOrEqual(4)
    expect(errors[0]?.path).toBe('code')
  })

  test('a text that is short enough once it is trimmed or composed is not cut', () => {
    const errors: { path: string; message: string }[] = []
    const schema = z.string().trim().max(3)
    expect(schema.parse(cutToBounds(schema, `${' '.repeat(9_000)}abc`, '', errors))).toBe('abc')
    expect(cutToBounds(schema, 'e\u0301'.repeat(3), '', errors)).toBe('e\u0301'.repeat(3))
    expect(errors).toEqual([])
  })

  test('every text of a body, a query and a path with a pattern or a rule has a maximum length', async () => {
    const { app, close } = createIdleApp()
    const unbounded: string[] = []
    for (const definition of app.openAPIRegistry.definitions) {
      if (definition.type !== 'route') continue
      const { operationId, request = {} } = definition.route
      const body = (request.body?.content['application/json'] as { schema?: z.ZodType } | undefined)?.schema
      for (const part of [request.params, request.query, body])
        if (part)
          unbounded.push(...unboundedTexts(part as unknown as z.ZodType).map((path) => `${operationId} ${path}`))
    }
    await close()
    expect(unbounded).toEqual([])
  })
})

/** Where a schema has a text without a maximum length; undefined schemas and free-form parts have no texts. */
function unboundedTexts(schema: z.ZodType, path = ''): string[] {
  const { type, innerType, in: input, out, shape, element, options, ...rest } = definitionOf(schema)
  if (innerType) return unboundedTexts(innerType, path)
  if (type === 'pipe') return unboundedTexts((definitionOf(input!).type === 'transform' ? out : input)!, path)
  if (shape) return Object.entries(shape).flatMap(([name, member]) => unboundedTexts(member, `${path}.${name}`))
  if (element) return unboundedTexts(element, `${path}[]`)
  if (type === 'union' && !rest.discriminator) return [`${path} is a union that is not cut`]
  if (options) return options.flatMap((option) => unboundedTexts(option, path))
  return type === 'string' && maximumOf(schema) === undefined ? [path] : []
}

describe('where no body is declared', () => {
  test('an empty object is no body, so that a client that always sends one can sign out', async () => {
    const patient = await t.newPatient()
    const answer = await t.as(patient.actor).post('/auth/logout', ' { } ')
    expect(answer.status).toBe(204)
  })

  test('a retry with an empty object and one without a body are the same request', async () => {
    const patient = await t.newPatient()
    const path = `/patients/${patient.id}/erase`
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const first = await t.as(admin).post(path, undefined, { headers })
    const second = await t.as(admin).post(path, {}, { headers })
    expect([first.status, second.status]).toEqual([200, 200])
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  test.each(['{"a":1}', '[]', 'null', '{}{}'])('the body %s is refused', async (body) => {
    const patient = await t.newPatient()
    expect((await t.as(patient.actor).post('/auth/logout', body)).status).toBe(422)
  })
})

describe('a compressed body', () => {
  test.each(['gzip', 'br', 'identity, gzip', 'GZIP'])('is a 415 with the Content-Encoding %s', async (encoding) => {
    const body = Bun.gzipSync(JSON.stringify(clinic))
    const headers = { 'content-encoding': encoding, 'content-type': 'application/json' }
    const answer = await t.as(admin).post('/clinics', body, { headers })
    expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } })
    expect(answer.headers.get('accept-encoding')).toBe('identity')
  })

  test('is a 415 where no body is declared, and for uploads, too', async () => {
    const patient = await t.newPatient()
    const headers = { 'content-encoding': 'gzip', 'content-type': 'multipart/form-data; boundary=x' }
    const body = Bun.gzipSync('{}')
    expect((await t.as(patient.actor).post('/auth/logout', body, { headers })).status).toBe(415)
    const doctor = await t.newDoctor({ clinicId: (await t.newClinic()).id })
    const path = `/records/${crypto.randomUUID()}/attachments`
    expect((await t.as(doctor.actor).post(path, body, { headers })).status).toBe(415)
  })

  test('the encoding identity changes nothing', async () => {
    expect((await t.as(admin).post('/clinics', clinic, { headers: { 'content-encoding': 'identity' } })).status).toBe(
      201,
    )
  })
})

describe('If-Match', () => {
  test.each([
    ['"999", "{v}"', 200],
    ['W/"{v}"', 200],
    ['"999",W/"{v}" , "7"', 200],
    ['*', 200],
    ['"999", "998"', 412],
    ['W/"999"', 412],
    ['{v}', 412],
    ['', 412],
  ])('the list of tags %s is answered with %i', async (tags, status) => {
    const { body, headers } = await t.as(admin).post('/clinics', clinic)
    const version = headers.get('etag')?.slice(1, -1) ?? '1'
    const match = { 'if-match': tags.replaceAll('{v}', version) }
    expect((await t.as(admin).patch(`/clinics/${body.id}`, { name: 'Pier' }, { headers: match })).status).toBe(status)
  })
})
