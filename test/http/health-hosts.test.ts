import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp({ RATE_LIMIT: 'on' })

/** Sends bytes that a client library would never send, and returns the whole answer. */
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

describe('HTTP/1.0 without a Host header', () => {
  test.each(['/health/live', '/health/ready', '/clinics', '/health/live?x=1', '/openapi.json'])(
    'GET %s is answered with 200',
    async (path) => {
      expect(await sendRaw(`GET ${path} HTTP/1.0\r\n\r\n`)).toStartWith('HTTP/1.1 200')
    },
  )

  test('OPTIONS /, which HAProxy sends if it is told no path, is a success', async () => {
    expect(await sendRaw('OPTIONS / HTTP/1.0\r\n\r\n')).toStartWith('HTTP/1.1 204')
  })

  test('an unknown path is a 404, and a sign-in is checked as usual', async () => {
    expect(await sendRaw('GET /nothing HTTP/1.0\r\n\r\n')).toStartWith('HTTP/1.1 404')
    const body = '{"email":"nobody@example.org","password":"x"}'
    const head = `POST /auth/login HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
    expect(await sendRaw(`${head}\r\n\r\n${body}`)).toStartWith('HTTP/1.1 401')
  })

  test('a path with two slashes or an address in it is never answered with a 5xx', async () => {
    for (const path of ['//health/live', '//[', '/%', '/?%'])
      expect(await sendRaw(`GET ${path} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 4\d\d /)
  })
})

describe('health checks depend on nothing of the request', () => {
  test.each([
    'Host: [',
    'Host: x:99999',
    'Host: %',
    'Host: x\r\nAuthorization: Bearer x',
    'Host: x\r\nX-Forwarded-For: <script>',
    'Host: x\r\nIf-Match: "x"\r\nAccept: image/png\r\nContent-Type: x',
    'Host: x\r\nContent-Encoding: gzip',
  ])('a health check with the header %p is answered with 200', async (header) => {
    expect(await sendRaw(`GET /health/live HTTP/1.1\r\n${header}\r\n\r\n`)).toStartWith('HTTP/1.1 200')
    expect(await sendRaw(`HEAD /health/ready HTTP/1.1\r\n${header}\r\n\r\n`)).toStartWith('HTTP/1.1 200')
  })

  test('a health check with unknown parameters is answered with 200', async () => {
    expect((await t.anonymous.get('/health/live?a=1&a=2&%00=x')).status).toBe(200)
  })
})
