import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { PRODUCTION } from '../support/settings'

const t = await createTestApp({ CORS_ORIGINS: 'https://clinic.example' })
const live = await createTestApp({ ...PRODUCTION, CORS_ORIGINS: 'https://clinic.example' })

const allowedOrigin = async (app: typeof t, origin: string) =>
  (await app.anonymous.get('/clinics', { headers: { origin } })).headers.get('access-control-allow-origin')

const preflight = (app: typeof t, origin: string) =>
  app.anonymous.call('OPTIONS', '/clinics', undefined, {
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,idempotency-key',
    },
  })

describe('cross-origin requests', () => {
  test('a page may read answers when its origin is configured', async () => {
    expect(await allowedOrigin(t, 'https://clinic.example')).toBe('https://clinic.example')
    expect(await allowedOrigin(live, 'https://clinic.example')).toBe('https://clinic.example')
  })

  test('a page on any port of localhost may read answers, but not in production', async () => {
    expect(await allowedOrigin(t, 'http://localhost:5173')).toBe('http://localhost:5173')
    expect(await allowedOrigin(t, 'http://localhost')).toBe('http://localhost')
    expect(await allowedOrigin(live, 'http://localhost:5173')).toBeNull()
  })

  test.each([
    'https://clinic.example.evil.test',
    'https://evil.test',
    'http://clinic.example',
    'http://localhost.evil.test',
    'http://localhost:5173.evil.test',
    'null',
  ])('a page of the origin %s may not read answers', async (origin) => {
    expect(await allowedOrigin(t, origin)).toBeNull()
    expect((await preflight(t, origin)).headers.get('access-control-allow-origin')).toBeNull()
  })

  test('a cross-origin page may send every method and header of the API', async () => {
    const { status, headers } = await preflight(t, 'https://clinic.example')
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-methods')).toBe('GET,POST,PUT,PATCH,DELETE')
    expect(headers.get('access-control-allow-headers')).toBe(
      'Authorization,Content-Type,Idempotency-Key,If-Match,X-Request-Id',
    )
  })

  test('a cross-origin page can read the response headers it needs, also of refusals', async () => {
    for (const path of ['/clinics', '/nothing', '/auth/me']) {
      const { headers } = await t.anonymous.get(path, { headers: { origin: 'https://clinic.example' } })
      expect(headers.get('access-control-expose-headers')).toBe(
        'ETag,Location,X-Request-Id,Retry-After,RateLimit,RateLimit-Policy,Idempotent-Replayed',
      )
      expect(headers.get('access-control-allow-origin')).toBe('https://clinic.example')
      expect(headers.get('access-control-allow-credentials')).toBeNull()
    }
  })

  test('an answer that was cached for one origin is not used for another', async () => {
    expect((await t.anonymous.get('/clinics')).headers.get('vary')).toContain('Origin')
  })
})

describe('security headers', () => {
  test('every answer forbids scripts, framing and guessing of the content type', async () => {
    for (const path of ['/clinics', '/nothing', '/openapi.json', '/health/live']) {
      const { headers } = await t.anonymous.get(path)
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('strict-transport-security')).toContain('max-age=')
      expect(headers.has('x-powered-by')).toBe(false)
    }
  })

  test('the documentation page may run scripts and styles of its own origin only', async () => {
    for (const path of ['/docs', '/docs/start.js']) {
      const { headers } = await t.anonymous.get(path)
      const policy = headers.get('content-security-policy')!
      for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"])
        expect(policy.split('; ')).toContain(rule)
      expect(policy).toContain("img-src 'self' data:")
      expect(policy).not.toContain('unsafe')
    }
  })
})

describe('the documentation', () => {
  test('the documentation page loads nothing from other sites, and every file it refers to exists', async () => {
    const { text, headers } = await t.anonymous.get('/docs')
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(text).not.toMatch(/<script>|<style|style=|onload=/)
    const named = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
    expect(named.length).toBe(5)
    for (const address of named.filter((one) => !one.startsWith('data:'))) {
      expect(address).toMatch(/^docs\/[\w.-]+$/)
      const file = await t.anonymous.get(`/${address}`)
      expect(file.status).toBe(200)
      expect(file.text.length).toBeGreaterThan(100)
      expect(file.headers.get('content-type')).toMatch(/^text\/(javascript|css); charset=utf-8$/)
    }
  })

  test('only the documentation of demo data offers its accounts for signing in', async () => {
    const demo = await createTestApp({ DEMO_DATA: 'on' })
    expect((await demo.anonymous.get('/docs')).text).toContain('patient@demo.clinic')
    expect((await t.anonymous.get('/docs')).text).not.toContain('demo.clinic')
    expect((await t.anonymous.get('/openapi.json')).text).not.toContain('demo.clinic')
  })

  test('an unchanged documentation file is answered with 304', async () => {
    for (const path of ['/openapi.json', '/docs/swagger-ui.js']) {
      const etag = (await t.anonymous.get(path)).headers.get('etag')!
      const again = await t.app.request(path, { headers: { 'if-none-match': etag } })
      expect(again.status).toBe(304)
      expect(await again.text()).toBe('')
      const changed = await t.app.request(path, { headers: { 'if-none-match': '"other"' } })
      expect(changed.status).toBe(200)
    }
  })

  test('the OpenAPI document describes each tag that it uses, and no other', async () => {
    const { body } = await t.anonymous.get('/openapi.json')
    const operations = Object.values(body.paths).flatMap((methods) => Object.values(methods as object))
    const used = new Set(operations.flatMap(({ tags }: { tags: string[] }) => tags))
    expect(new Set(body.tags.map(({ name }: { name: string }) => name))).toEqual(used)
  })
})
