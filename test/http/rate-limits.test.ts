import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { PRODUCTION } from '../support/settings'

const ON = { RATE_LIMIT: 'on' }
const t = await createTestApp(ON)

let addresses = 0
/** A caller with an address that nobody else in this file has. */
function newCaller(app = t, address = `198.51.100.${++addresses}`) {
  const client = createClient(async (request) => app.app.fetch(request, { peerAddress: address }))
  const signIn = (email: string) => client.post('/auth/login', { email, password: 'not the right one' })
  return { ...client, signIn, address }
}

async function times<T>(count: number, task: (i: number) => Promise<T>): Promise<T[]> {
  const done: T[] = []
  for (let i = 0; i < count; i++) done.push(await task(i))
  return done
}

describe('rate limits', () => {
  test('let ten guesses a minute at the current password of one account, from wherever they come', async () => {
    const { actor } = await t.newPatient()
    const guess = { currentPassword: 'not the right one', newPassword: 'violet-harbor-29' }
    const answers = await times(11, () => t.as(actor).put('/auth/password', guess))
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429])
    expect((await t.as((await t.newPatient()).actor).put('/auth/password', guess)).status).toBe(401)
  })

  test('let 300 requests a minute through from one address, and no more', async () => {
    const caller = newCaller()
    const answers = await times(301, () => caller.get('/clinics', { raw: true }))
    expect(answers.slice(0, 300).every(({ status }) => status === 200)).toBe(true)
    const refused = answers[300]!
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', title: 'Too Many Requests' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect((await newCaller().get('/clinics')).status).toBe(200)
  })

  test('say in every answer what is left of the tightest one', async () => {
    const caller = newCaller()
    await caller.get('/clinics')
    const { headers } = await caller.get('/nothing')
    expect(headers.get('ratelimit')).toMatch(/^"default";r=298;t=(60|59)$/)
    expect(headers.get('ratelimit-policy')).toBe('"default";q=300;w=60')
    const signIn = await caller.signIn('tightest@example.org')
    expect(signIn.headers.get('ratelimit')).toMatch(/^"sign_in_account";r=9;t=(60|59)$/)
  })

  test('never touch health checks and metrics', async () => {
    const caller = newCaller()
    await times(301, () => caller.get('/clinics', { raw: true }))
    expect((await caller.get('/clinics')).status).toBe(429)
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      const { status, headers } = await caller.get(path)
      expect(status).toBe(200)
      expect(headers.has('ratelimit')).toBe(false)
    }
  })

  test('let ten sign-ins a minute try one account, whoever tries and however it is written', async () => {
    const answers = await times(11, (i) => newCaller().signIn(i % 2 ? 'Victim@Example.org' : 'victim@example.org'))
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429])
    expect((await newCaller().signIn('someone-else@example.org')).status).toBe(401)
  })

  test('count ten sign-ins of one moment as ten', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => newCaller().signIn('moment@example.org')))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
  })

  test('do not count a sign-in that is not even one', async () => {
    const caller = newCaller()
    await times(12, () => caller.post('/auth/login', { email: 'typo@example.org' }))
    expect((await caller.signIn('typo@example.org')).status).toBe(401)
  })

  const patient = (i: number) => ({
    role: 'patient',
    email: `limited-${i}-${crypto.randomUUID()}@example.org`,
    password: 'a quite long passphrase 7',
    name: 'Limited',
    dateOfBirth: '1990-05-17',
  })

  test('let five accounts an hour be registered from one address', async () => {
    const caller = newCaller()
    const answers = await times(6, (i) => caller.post('/auth/register', patient(i)))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 429])
    expect(Number(answers[5]!.headers.get('retry-after'))).toBeGreaterThan(3_000)
    expect((await newCaller().post('/auth/register', patient(7))).status).toBe(201)
  })

  test('leave registration alone in a demonstration', async () => {
    const caller = newCaller(await createTestApp({ ...ON, DEMO_DATA: 'on' }))
    const answers = await times(6, (i) => caller.post('/auth/register', patient(i)))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201))
  })

  test('go by the address that a trusted proxy passes on, and by nothing else that is claimed', async () => {
    const proxied = await createTestApp({ ...ON, TRUSTED_PROXIES: '10.0.0.0/8' })
    const left = async (peer: string, forwardedFor: string) => {
      const headers = { 'x-forwarded-for': forwardedFor }
      const answer = await newCaller(proxied, peer).get('/clinics', { headers })
      return Number(/r=(\d+)/.exec(answer.headers.get('ratelimit')!)?.[1])
    }
    expect(await left('10.0.0.1', '203.0.113.1')).toBe(299)
    expect(await left('10.0.0.2', '203.0.113.2')).toBe(299)
    expect(await left('10.0.0.2', '1.2.3.4, 203.0.113.1')).toBe(298)
    expect(await left('203.0.113.77', '1.1.1.1')).toBe(299)
    expect(await left('203.0.113.77', '2.2.2.2')).toBe(298)
  })

  test('see one caller in a whole IPv6 network', async () => {
    await newCaller(t, '2001:db8:1:1::1').get('/clinics')
    const { headers } = await newCaller(t, '2001:db8:1:1:ffff::2').get('/clinics')
    expect(headers.get('ratelimit')).toStartWith('"default";r=298')
  })

  test('hold for callers whose address is not known, together', async () => {
    const unknown = createClient(async (request) => t.app.fetch(request))
    const answers = await times(2, () => unknown.get('/clinics'))
    expect(answers[1]!.headers.get('ratelimit')).toStartWith('"default";r=298')
  })

  test('can be turned off, in production too', async () => {
    const caller = newCaller(await createTestApp())
    const answers = await times(11, () => caller.signIn('nobody@example.org'))
    expect(answers.every(({ status, headers }) => status === 401 && !headers.has('ratelimit'))).toBe(true)
    const live = await newCaller(await createTestApp({ ...PRODUCTION, RATE_LIMIT: 'off' })).get('/clinics')
    expect(live.headers.has('ratelimit')).toBe(false)
  })
})
