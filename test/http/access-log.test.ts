import { afterAll, describe, expect, test } from 'bun:test'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { readConfig } from '../../src/config'
import { createLimiter } from '../../src/database/limiter'
import { closeDeps, openDeps } from '../../src/open-deps'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'

type Line = { level: string; fields: Record<string, unknown>; message: string }

const t = await createTestApp()
const lines: Line[] = []
const keep = (level: string) => (fields: object, message: string) =>
  void lines.push({ level, fields: fields as Line['fields'], message })
const log = { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
const deps = openDeps(readConfig(t.env), { clock: t.clock.now, log })
afterAll(() => closeDeps(deps))
const app = createApp(deps)
const admin = await t.newAdmin()
const client = createClient(
  async (request) => app.fetch(request, { peerAddress: '203.0.113.9' }),
  () => signAccessToken(deps.config, admin, t.clock.now()),
)

function logged(requestId: string | null): Line[] {
  return lines.filter(({ fields }) => fields.requestId === requestId)
}

describe('the access log', () => {
  test('the access log has one line per request, with the actor, the route, the status and the duration', async () => {
    const { id } = await t.newClinic()
    const { headers } = await client.patch(`/clinics/${id}`, { name: 'New' })
    const [line, ...more] = logged(headers.get('x-request-id'))
    expect(more).toEqual([])
    expect(line).toEqual({
      level: 'info',
      message: 'request',
      fields: {
        requestId: headers.get('x-request-id'),
        method: 'PATCH',
        route: '/clinics/:id',
        status: 200,
        ms: expect.any(Number),
        actorId: admin.userId,
      },
    })
  })

  test('the access log never contains a body, a query, an IP address, a token or parts of them', async () => {
    const before = lines.length
    await client.post('/clinics', { name: 'Confidential Name', timeZone: 'Europe/Berlin', currency: 'EUR' })
    await client.get('/clinics', { query: { limit: 1, cursor: 'confidentialcursor' } })
    await client.post('/clinics', '{"name":"Confidential"', {})
    await client.get('/nothing/confidential')
    const written = JSON.stringify(lines.slice(before))
    expect(lines.length - before).toBe(4)
    expect(written).not.toMatch(/confidential|Bearer|eyJ|203\.0\.113/i)
  })

  test('a health probe is logged at debug level only', async () => {
    const { headers } = await client.get('/health/live')
    expect(logged(headers.get('x-request-id')).map(({ level }) => level)).toEqual(['debug'])
  })

  test('a readiness probe that is refused logs nothing above debug level, and any other 503 one warning without a stack', async () => {
    const seen = (answer: { headers: Headers }) => logged(answer.headers.get('x-request-id'))
    deps.draining.value = true
    const probe = await client.get('/health/ready')
    deps.draining.value = false
    expect([probe.status, ...seen(probe).map(({ level }) => level)]).toEqual([503, 'debug'])

    const passwordLimiter = createLimiter(1, 1_000, 0)
    const full = createApp({ ...deps, passwordLimiter })
    const { promise, resolve } = Promise.withResolvers<void>()
    const busy = passwordLimiter('unknown', () => promise)
    const signIn = createClient(async (request) => full.fetch(request))
    const answer = await signIn.post('/auth/login', { email: 'a@example.org', password: 'any' })
    resolve()
    await busy
    expect([answer.status, ...seen(answer).map(({ level }) => level)]).toEqual([503, 'warn', 'info'])
    expect(JSON.stringify(seen(answer))).not.toContain('frames')
    expect(seen(answer)[0]!.fields).not.toHaveProperty('error')
  })

  test('an internal error is logged under the request id of its answer, and the answer hides the details', async () => {
    const broken = createApp({ ...deps, db: undefined as never })
    const answer = await createClient(async (request) => broken.fetch(request)).get('/clinics')
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(answer.text).not.toMatch(/undefined|TypeError/)
    const failure = logged(answer.body.requestId).find(({ level }) => level === 'error')
    expect(failure).toMatchObject({ message: 'request failed', fields: { error: { code: 'internal' } } })
  })
})
