import { describe, expect, test } from 'bun:test'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = { name: 'Harbor', timeZone: 'Europe/Berlin', currency: 'EUR' }
const bigger = (bytes: number) => JSON.stringify({ ...clinic, name: 'x'.repeat(bytes) })

describe('every answer', () => {
  test('every answer carries the request id that was sent, if it is valid', async () => {
    const sent = 'abc-1.2:3_4'
    const answer = await t.anonymous.get('/nothing', { headers: { 'x-request-id': sent } })
    expect(answer.headers.get('x-request-id')).toBe(sent)
    expect(answer.body.requestId).toBe(sent)
  })

  test.each(['', 'has space', 'x'.repeat(129), 'ä', '<script>'])('replaces the bad request id %p', async (sent) => {
    const { headers } = await t.anonymous.get('/clinics', { headers: { 'x-request-id': sent } })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })

  test('the audit event of a change keeps the request id of its answer', async () => {
    const { headers, body } = await t.as(admin).post('/clinics', clinic)
    const events = await t.auditEvents().select('requestId').where('targetId', '=', body.id).execute()
    expect(events).toEqual([{ requestId: headers.get('x-request-id')! }])
  })
})

describe('unknown paths and malformed parameters', () => {
  test.each(['/nothing', '/clinics/', '/clinics//', '//clinics', '/Clinics', '/docs/other.js', '/%2e%2e/etc/passwd'])(
    'the unknown path %s is a 404 problem',
    async (path) => {
      const answer = await t.app.request(`http://localhost${path}`)
      expect(answer.status).toBe(404)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(await answer.json()).toMatchObject({ status: 404, code: 'not_found', title: 'Not Found' })
    },
  )

  test.each(['%E0%A4%A', '%00', '%', '%zz', '%F0%28%8C%28', '..%2f..%2f', 'x'.repeat(5_000)])(
    'a malformed id like %s is a 422 that names path.id',
    async (id) => {
      const answer = await t.app.request(`http://localhost/clinics/${id}`)
      expect(answer.status).toBe(422)
      const { code, errors } = (await answer.json()) as { code: string; errors: { path: string }[] }
      expect(code).toBe('validation_failed')
      expect(new Set(errors.map(({ path }) => path))).toEqual(new Set(['path.id']))
    },
  )

  test.each(['limit=%E0%A4%A', 'limit=1&limit=2', 'unknown=1', '%00=1', 'limit=', 'cursor=%ZZ', '__proto__=1'])(
    'an invalid query like %s is a 422',
    async (query) => {
      const answer = await t.app.request(`http://localhost/clinics?${query}`)
      expect(answer.status).toBe(422)
    },
  )
})

describe('raw HTTP requests', () => {
  /** Sends bytes that a client library would never send. */
  async function sendRaw(request: string): Promise<string> {
    using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => t.app.fetch(request) })
    const answered = Promise.withResolvers<string>()
    const data = (_socket: unknown, reply: Uint8Array) => answered.resolve(new TextDecoder().decode(reply))
    const close = () => answered.resolve('')
    const socket = await Bun.connect({ hostname: '127.0.0.1', port: server.port!, socket: { data, close } })
    socket.write(request)
    const answer = await answered.promise
    socket.end()
    return answer
  }

  test.each(['[', 'x:99999', '%', 'a b', '<>', 'x'.repeat(5_000)])(
    'a request with the Host %p is never answered with a 5xx',
    async (host) => {
      const answer = await sendRaw(`GET /clinics HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 [24]\d\d /)
      if (answer.startsWith('HTTP/1.1 422')) expect(answer).toContain('"path":"header.Host"')
    },
  )

  test('a request with an absolute URL is answered like any other', async () => {
    expect(await sendRaw('GET http://elsewhere.test/clinics HTTP/1.1\r\nHost: x\r\n\r\n')).toStartWith('HTTP/1.1 200')
  })
})

describe('HTTP methods', () => {
  test.each(['DELETE', 'PUT', 'PATCH', 'PURGE'])('the method %s on /clinics is a 405 with Allow', async (method) => {
    const answer = await t.anonymous.call(method, '/clinics')
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } })
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST')
  })

  test('an unsupported method on a path with an id is a 405 with Allow', async () => {
    const answer = await t.as(admin).post(`/clinics/${crypto.randomUUID()}`, clinic)
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, PATCH')
  })

  test('HEAD is answered like GET, without the body', async () => {
    const { id } = await t.newClinic()
    const [head, get] = await Promise.all([
      t.anonymous.call('HEAD', `/clinics/${id}`),
      t.anonymous.get(`/clinics/${id}`),
    ])
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'))
    expect((await t.app.request('/nothing', { method: 'HEAD' })).status).toBe(404)
  })

  test('OPTIONS lists the allowed methods of a path, and is a 404 for an unknown path', async () => {
    const answer = await t.anonymous.call('OPTIONS', '/clinics')
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST')
    expect((await t.anonymous.call('OPTIONS', '/nothing')).status).toBe(404)
  })
})

describe('request bodies', () => {
  test.each([
    ['that is not JSON', '{"name":', 'application/json', 400, 'malformed_json'],
    ['that is not a JSON object', '[]', 'application/json', 422, 'validation_failed'],
    ['that is null', 'null', 'application/json', 422, 'validation_failed'],
    ['of another media type', JSON.stringify(clinic), 'text/plain', 415, 'unsupported_media_type'],
    ['of a form media type', 'name=x', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    ['of more than 64 KiB', bigger(64 * 1024), 'application/json', 413, 'too_large'],
    ['that is missing', '', 'application/json', 422, 'validation_failed'],
  ])('a request body %s is refused', async (_what, body, type, status, code) => {
    const answer = await t.as(admin).post('/clinics', body, { headers: { 'content-type': type } })
    expect(answer).toMatchObject({ status, body: { status, code } })
  })

  test('a JSON body with a charset parameter is accepted', async () => {
    const headers = { 'content-type': 'Application/JSON; charset=utf-8' }
    expect((await t.as(admin).post('/clinics', clinic, { headers })).status).toBe(201)
  })

  async function sendRaw(body: ReadableStream | Uint8Array<ArrayBuffer>) {
    const authorization = `Bearer ${await signAccessToken(t.deps.config, admin, t.clock.now())}`
    const headers = { authorization, 'content-type': 'application/json' }
    return t.app.request('/clinics', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
  }

  test('a request body of more than 64 KiB is refused even without Content-Length', async () => {
    expect((await sendRaw(new Blob([bigger(128 * 1024)]).stream())).status).toBe(413)
  })

  test('a request body that is not UTF-8 is refused as malformed', async () => {
    expect((await sendRaw(new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]))).status).toBe(400)
  })

  test.each([
    ['a field of the wrong type', { ...clinic, name: 7 }, 'name'],
    ['a missing field', { timeZone: 'Europe/Berlin', currency: 'EUR' }, 'name'],
    ['a field that is too long', { ...clinic, name: 'x'.repeat(201) }, 'name'],
    ['an unknown field', { ...clinic, owner: 'x' }, 'owner'],
    ['a NUL in a field', { ...clinic, name: 'a\0b' }, 'name'],
    ['half a surrogate pair in a field', { ...clinic, name: 'a\ud800b' }, 'name'],
  ])('a request body with %s is refused, and the error names the field', async (_what, body, path) => {
    const answer = await t.as(admin).post('/clinics', body)
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toEqual([path])
  })

  test('a request body is checked only after authentication and authorisation', async () => {
    const patient = await t.newPatient()
    expect((await t.anonymous.post('/clinics', '{')).status).toBe(401)
    expect((await t.as(patient.actor).post('/clinics', '{')).status).toBe(403)
    expect((await t.as(admin).post('/clinics', '{')).status).toBe(400)
  })
})
