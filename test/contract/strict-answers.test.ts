import { describe, expect, test } from 'bun:test'
import type { ApiDocument } from '../support/api-document'
import { ContractError, holdToContract } from '../support/contract'
import { createSchemaCompiler } from '../support/strict-schemas'

const clinic = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  name: 'Harbor Clinic',
  timeZone: 'America/New_York',
  currency: 'USD',
  address: null,
  phone: null,
}
const url = new URL(`http://localhost/clinics/${clinic.id}`)
const good = {
  status: 200,
  headers: { 'content-type': 'application/json', 'x-request-id': 'r1', etag: '"1"' } as Record<string, string>,
  body: clinic as object,
}
const problem = {
  status: 404,
  headers: { 'content-type': 'application/problem+json', 'x-request-id': 'r1', 'cache-control': 'no-store' },
  body: { type: 'about:blank', title: 'Not Found', status: 404, detail: 'x', code: 'not_found', requestId: 'r1' },
}

const hold = ({ status, headers, body }: typeof good, method = 'GET', at = url) =>
  holdToContract({ method, url: at }, { status, headers: new Headers(headers), text: JSON.stringify(body) })

describe('the contract check of answers', () => {
  test('an answer that matches the OpenAPI document passes the contract check', async () => {
    await hold(good)
    await hold(problem)
    await hold(problem, 'GET', new URL('http://localhost/nothing/here'))
  })

  const refused: [string, typeof good, string][] = [
    ['an unknown field', { ...good, body: { ...clinic, version: 1 } }, 'version'],
    ['a missing field', { ...good, body: { ...clinic, phone: undefined } }, "required property 'phone'"],
    ['a value of another type', { ...good, body: { ...clinic, name: 7 } }, 'body/name must be string'],
    ['an invalid id', { ...good, body: { ...clinic, id: 'x' } }, 'format "uuid"'],
    ['a text beyond its bound', { ...good, body: { ...clinic, name: 'x'.repeat(201) } }, '200 characters'],
    ['an undocumented status', { ...good, status: 202 }, 'status not documented'],
    ['another content type', { ...good, headers: { ...good.headers, 'content-type': 'text/html' } }, 'content type'],
    ['a missing request id', { ...good, headers: { 'content-type': 'application/json', etag: '"1"' } }, 'X-Request-Id'],
    ['a missing ETag', { ...good, headers: { ...good.headers, etag: '' } }, 'ETag is missing'],
    [
      'an ETag that is not a version',
      { ...good, headers: { ...good.headers, etag: '1' } },
      'neither a quoted version nor a quoted digest',
    ],
    ['an undocumented header', { ...good, headers: { ...good.headers, location: '/x' } }, 'not documented'],
    [
      'a problem that a cache may keep',
      { ...problem, headers: { ...problem.headers, 'cache-control': '' } },
      'no-store',
    ],
    ['a problem with another status', { ...problem, body: { ...problem.body, status: 400 } }, 'says status 400'],
    [
      'a problem with an undocumented code',
      { ...problem, body: { ...problem.body, code: 'forbidden' } },
      'not documented',
    ],
    ['a problem of another request', { ...problem, body: { ...problem.body, requestId: 'r2' } }, 'another request id'],
    ['a problem with a stack', { ...problem, body: { ...problem.body, stack: 'at …' } }, 'stack'],
  ]
  test.each(refused)('the contract check refuses %s', async (_name, answer, reason) => {
    const error = await hold(answer).then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    expect(error).toBeInstanceOf(ContractError)
    expect(error?.message).toContain(`getClinic (GET /clinics/{id}) answered ${answer.status}`)
    expect(error?.message).toContain(reason)
  })

  test('the contract check refuses a 405 without Allow and an answer of an undocumented route', async () => {
    const lost = { ...problem, status: 405, body: { ...problem.body, status: 405, code: 'method_not_allowed' } }
    expect(hold(lost, 'DELETE')).rejects.toThrow('Allow is missing')
    expect(hold(good, 'GET', new URL('http://localhost/secret'))).rejects.toThrow('served without being documented')
  })
})

describe('strict schemas', () => {
  const schemas = {
    Base: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
    Wide: {
      allOf: [{ $ref: '#/components/schemas/Base' }, { type: 'object', properties: { more: { type: 'string' } } }],
    },
    Box: { type: 'object', properties: { base: { anyOf: [{ $ref: '#/components/schemas/Base' }, { type: 'null' }] } } },
    Free: { type: 'object', additionalProperties: {} },
    List: { type: 'array', items: { $ref: '#/components/schemas/Wide' } },
  }
  const { strict, asWritten } = createSchemaCompiler({
    openapi: '3.1.0',
    paths: {},
    components: { schemas },
  } as ApiDocument)
  const of = (name: keyof typeof schemas) => strict({ $ref: `#/components/schemas/${name}` })

  test('strict schemas refuse unknown properties at every depth and through references', () => {
    expect(of('Base')({ id: 'a' })).toBeUndefined()
    expect(of('Base')({ id: 'a', x: 1 })).toContain('(x)')
    expect(of('Box')({ base: { id: 'a' } })).toBeUndefined()
    expect(of('Box')({ base: null })).toBeUndefined()
    expect(of('Box')({ base: { id: 'a', x: 1 } })).toBeDefined()
    expect(asWritten({ $ref: '#/components/schemas/Base' })({ id: 'a', x: 1 })).toBeUndefined()
  })

  test('strict schemas accept the properties of all parts of an allOf, and no others', () => {
    expect(of('Wide')({ id: 'a', more: 'b' })).toBeUndefined()
    expect(of('List')([{ id: 'a', more: 'b' }])).toBeUndefined()
    expect(of('List')([{ id: 'a', more: 'b', x: 1 }])).toContain('(x)')
  })

  test('strict schemas accept any property in free-form objects', () => {
    expect(of('Free')({ anything: { at: ['all'] } })).toBeUndefined()
  })
})
