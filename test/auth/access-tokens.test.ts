import { describe, expect, test } from 'bun:test'
import { sign } from 'hono/jwt'
import { createAuthenticate } from '../../src/auth/sessions/authenticate'
import { createMetrics } from '../../src/metrics'
import { createTestApp } from '../support/app'
import { createAccounts } from './accounts'

const t = await createTestApp()
const { newAccount, withToken } = createAccounts(t)
const { accessToken } = await newAccount()
const secret = t.env.JWT_ACCESS_SECRET!

const decode = (part: string) => JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')))
const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
const [header, payload, signature] = accessToken.split('.')
const claims = decode(payload)
const without = (name: string) => Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name))
const ask = (token: string) => withToken(token).get('/auth/me')

describe('access tokens', () => {
  test('an access token carries ids and a role, and nothing personal', () => {
    expect(Object.keys(claims).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'pid', 'role', 'sid', 'sub', 'typ'])
    expect(claims).toMatchObject({ typ: 'access', role: 'patient', exp: claims.iat + 900 })
  })

  const refused: [name: string, token: () => string | Promise<string>][] = [
    ['is signed with another secret', () => sign(claims, 'x'.repeat(32), 'HS256')],
    ['is signed with the refresh secret', () => sign(claims, t.env.JWT_REFRESH_SECRET!, 'HS256')],
    ['is signed with another algorithm', () => sign(claims, secret, 'HS512')],
    ['says alg none', () => `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`],
    ['says alg none over a true signature', () => `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`],
    [
      'has claims that were changed after signing',
      () => `${header}.${encode({ ...claims, role: 'admin' })}.${signature}`,
    ],
    ['has no exp', () => sign(without('exp'), secret, 'HS256')],
    ['has no iss', () => sign(without('iss'), secret, 'HS256')],
    ['has another iss', () => sign({ ...claims, iss: 'somebody' }, secret, 'HS256')],
    ['has another aud', () => sign({ ...claims, aud: 'somebody' }, secret, 'HS256')],
    ['has another typ', () => sign({ ...claims, typ: 'refresh' }, secret, 'HS256')],
    ['has no session id', () => sign(without('sid'), secret, 'HS256')],
    ['has an unknown role', () => sign({ ...claims, role: 'root' }, secret, 'HS256')],
    ['is not a token', () => 'abc'],
  ]
  test.each(refused)('refuses an access token that %s', async (_, token) => {
    expect(await ask(await token())).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test('an expired access token answers token_expired, and the answer does not contain the token', async () => {
    t.clock.advance(899_000)
    expect((await ask(accessToken)).status).toBe(200)
    t.clock.advance(1000)
    const answer = await ask(accessToken)
    expect(answer).toMatchObject({ status: 401, body: { code: 'token_expired' } })
    expect(answer.text).not.toContain(signature!)
    t.clock.advance(-900_000)
  })
})

describe('access tokens whose signature was checked before', () => {
  const { config } = t.deps
  const codeOf = (answer: Promise<unknown>) => answer.then(String, ({ code }) => code)

  test('the signature of a token is checked once, its expiry and the end of its session each time', async () => {
    const { accessToken } = await newAccount()
    let ended = false
    const revocations = { ...t.deps.revocations, hasEnded: async () => ended }
    const authenticate = createAuthenticate({ config, clock: t.deps.clock, revocations, metrics: createMetrics() })
    expect(await authenticate(accessToken)).toBe(await authenticate(accessToken))
    ended = true
    expect(await codeOf(authenticate(accessToken))).toBe('unauthenticated')
    ended = false
    t.clock.advance(900_000)
    expect(await codeOf(authenticate(accessToken))).toBe('token_expired')
    t.clock.advance(-900_000)
  })

  test('a token that was refused is refused again', async () => {
    const { accessToken } = await newAccount()
    const forged = `${accessToken.slice(0, -4)}AAAA`
    for (const token of [forged, accessToken, forged])
      expect((await ask(token)).status).toBe(token === forged ? 401 : 200)
  })
})
