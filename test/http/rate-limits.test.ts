import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { PRODUCTION } from '../support/settings'

const ON = { RATE_LIMIT: 'on' }
const t = await createTestApp(ON)

let addresses = 0
/** A caller whose default address is unique in this file. */
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
  test('limits guesses at the current password of one account to ten a minute', async () => {
    const { actor } = await t.newPatient()
    const guess = { currentPassword: 'not the right one', newPassword: 'violet-harbor-29' }
    const answers = await times(11, () => t.as(actor).put('/auth/password', guess))
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429])
    expect((await t.as((await t.newPatient()).actor).put('/auth/password', guess)).status).toBe(401)
  })

  test('limits one address to 300 requests a minute', async () => {
    const caller = newCaller()
    const answers = await times(301, () => caller.get('/clinics', { raw: true }))
    expect(answers.slice(0, 300).every(({ status }) => status === 200)).toBe(true)
    const refused = answers[300]!
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', title: 'Too Many Requests' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect((await newCaller().get('/clinics')).status).toBe(200)
  })

  test('every answer states the remaining requests of the strictest rate limit', async () => {
    const caller = newCaller()
    await caller.get('/clinics')
    const { headers } = await caller.get('/nothing')
    expect(headers.get('ratelimit')).toMatch(/^"default";r=298;t=(60|59)$/)
    expect(headers.get('ratelimit-policy')).toBe('"default";q=300;w=60')
    const signIn = await caller.signIn('tightest@example.org')
    expect(signIn.headers.get('ratelimit')).toMatch(/^"sign_in_account";r=9;t=(60|59)$/)
  })

  test('health checks and metrics have no rate limit', async () => {
    const caller = newCaller()
    await times(301, () => caller.get('/clinics', { raw: true }))
    expect((await caller.get('/clinics')).status).toBe(429)
    for (const path of ['/health/live', '/health/ready', '/metrics']) {
      const { status, headers } = await caller.get(path)
      expect(status).toBe(200)
      expect(headers.has('ratelimit')).toBe(false)
    }
  })

  test('limits failed sign-ins to one account from one address to ten a minute, in any spelling of the email', async () => {
    const caller = newCaller()
    const answers = await times(11, (i) => caller.signIn(i % 2 ? 'Victim@Example.org' : 'victim@example.org'))
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429])
    expect((await caller.signIn('someone-else@example.org')).status).toBe(401)
    expect((await newCaller().signIn('victim@example.org')).status).toBe(401)
  })

  test('counts each of many concurrent sign-ins', async () => {
    const caller = newCaller()
    const answers = await Promise.all(Array.from({ length: 12 }, () => caller.signIn('moment@example.org')))
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429])
  })

  test('does not count a sign-in that fails validation', async () => {
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

  test('limits registration to five accounts an hour from one address', async () => {
    const caller = newCaller()
    const answers = await times(6, (i) => caller.post('/auth/register', patient(i)))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 429])
    expect(Number(answers[5]!.headers.get('retry-after'))).toBeGreaterThan(3_000)
    expect((await newCaller().post('/auth/register', patient(7))).status).toBe(201)
  })

  test('does not limit registration in a demonstration', async () => {
    const caller = newCaller(await createTestApp({ ...ON, DEMO_DATA: 'on' }))
    const answers = await times(6, (i) => caller.post('/auth/register', patient(i)))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201))
  })

  test('rate limits use the address that a trusted proxy forwards, and ignore all other forwarded addresses', async () => {
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

  test('rate limits count a whole IPv6 network as one caller', async () => {
    await newCaller(t, '2001:db8:1:1::1').get('/clinics')
    const { headers } = await newCaller(t, '2001:db8:1:1:ffff::2').get('/clinics')
    expect(headers.get('ratelimit')).toStartWith('"default";r=298')
  })

  test('callers with an unknown address share one rate limit', async () => {
    const unknown = createClient(async (request) => t.app.fetch(request))
    const answers = await times(2, () => unknown.get('/clinics'))
    expect(answers[1]!.headers.get('ratelimit')).toStartWith('"default";r=298')
  })

  test('rate limits can be turned off, in production too', async () => {
    const caller = newCaller(await createTestApp())
    const answers = await times(11, () => caller.signIn('nobody@example.org'))
    expect(answers.every(({ status, headers }) => status === 401 && !headers.has('ratelimit'))).toBe(true)
    const live = await newCaller(await createTestApp({ ...PRODUCTION, RATE_LIMIT: 'off' })).get('/clinics')
    expect(live.headers.has('ratelimit')).toBe(false)
  })
})
