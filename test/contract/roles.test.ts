import { describe, expect, test } from 'bun:test'
import { sign } from 'hono/jwt'
import type { Caller, Role } from '../../src/actor'
import { signAccessToken, signRefreshToken } from '../../src/auth/sessions/tokens'
import { newId } from '../../src/database/ids'
import { apiDocument, type Route, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'
import type { Call, Entry } from './call'
import { addressOf, CALLS, sentBy } from './calls'
import { createWorld } from './world'

const t = await createTestApp()
const world = await createWorld(t)
const routes = routesOf(await apiDocument())
const { config } = t.deps

const ROLES: Role[] = ['patient', 'doctor', 'admin']
const HOUR = 3_600_000

/** Roles that may call the route; null if it needs no token. */
const rolesOf = ({ operation: { 'x-roles': roles } }: Route): Role[] | null =>
  roles === 'public' || roles === 'optional' ? null : roles === 'signed_in' ? ROLES : roles

async function ask({ method, path }: Route, call: Call, authorization?: string) {
  const sent = sentBy(call)
  const headers = { ...sent.headers, ...(authorization !== undefined && { authorization }) }
  const answer = await t.anonymous.call(method, addressOf(path, call), sent.body, { headers })
  const empty = answer.status === 200 && Array.isArray(answer.body?.data) && answer.body.data.length === 0
  return { ...answer, outcome: answer.status < 300 ? (empty ? 'empty' : 'ok') : `${answer.status} ${answer.body.code}` }
}

const bearer = async (actor: Caller) => `Bearer ${await signAccessToken(config, actor, t.clock.now())}`

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Missing and invalid tokens, each with the code of its refusal. */
async function badTokens(actor: Caller): Promise<[name: string, authorization: string | undefined, code: string][]> {
  const good = (await bearer(actor)).slice('Bearer '.length)
  const [head, payload, signature] = good.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const now = t.clock.now()
  const { tokens } = config
  const signed = (changes: object, secret = tokens.accessSecret) => sign({ ...claims, ...changes }, secret, 'HS256')
  const { exp: _, ...endless } = claims
  return [
    ['nothing', undefined, 'unauthenticated'],
    ['another scheme', 'Basic dXNlcjpwYXNz', 'unauthenticated'],
    ['no token', 'Bearer x', 'unauthenticated'],
    ['a signature of another secret', await signed({}, 'x'.repeat(40)), 'unauthenticated'],
    ['the refresh secret', await signed({}, tokens.refreshSecret), 'unauthenticated'],
    ['no signature', `${head}.${payload}.`, 'unauthenticated'],
    ['alg none', `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`, 'unauthenticated'],
    ['alg none, still signed', `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`, 'unauthenticated'],
    ['another algorithm', await sign(claims, tokens.accessSecret, 'HS512'), 'unauthenticated'],
    [
      'a payload changed after signing',
      `${head}.${encode({ ...claims, sub: newId() })}.${signature}`,
      'unauthenticated',
    ],
    ['another issuer', await signed({ iss: 'elsewhere' }), 'unauthenticated'],
    ['another audience', await signed({ aud: 'elsewhere' }), 'unauthenticated'],
    ['no expiry', await sign(endless, tokens.accessSecret, 'HS256'), 'unauthenticated'],
    ['a refresh token', await signRefreshToken(config, actor.sessionId, 0, now), 'unauthenticated'],
    ['an expired token', await signAccessToken(config, actor, new Date(now.getTime() - HOUR)), 'token_expired'],
  ].map(([name, token, code]) => [name!, token === undefined || token.includes(' ') ? token : `Bearer ${token}`, code!])
}

const auditedBy = (requestId: string) =>
  t.auditEvents().select(['kind', 'outcome', 'actorId']).where('requestId', '=', requestId).execute()

describe('access to every operation', () => {
  test('every operation has an entry in calls.ts', () => {
    expect(routes.map(({ method, path }) => `${method} ${path}`).filter((name) => !(name in CALLS))).toEqual([])
  })

  for (const route of routes) {
    const entry = CALLS[`${route.method} ${route.path}`]
    if (entry) describe(`${route.method} ${route.path}`, () => walk(route, entry))
  }
})

function walk(route: Route, entry: Entry) {
  const access = route.operation['x-roles']
  const allowed = rolesOf(route)
  const someone = allowed?.[0] ?? 'patient'

  test('refuses a missing or invalid token before any other check', async () => {
    const refused = allowed && spoiled(await entry.call(world, someone))
    const expected: string[] = []
    const got: string[] = []
    const tokens = await badTokens(world.owner[someone])
    // A public route reads no token, so a few of them are enough.
    for (const [name, authorization, code] of access === 'public' ? [tokens[0]!, tokens[2]!, tokens.at(-1)!] : tokens) {
      const open = access === 'public' || (access === 'optional' && authorization === undefined)
      const call = (!open && refused) || (await entry.call(world, someone))
      const { outcome } = await ask(route, call, authorization)
      expected.push(`${name}: ${open ? 'ok' : `401 ${code}`}`)
      got.push(`${name}: ${open && outcome === 'empty' ? 'ok' : outcome}`)
    }
    expect(got).toEqual(expected)
  })

  if (allowed === null) return

  for (const role of ROLES) {
    if (!allowed.includes(role)) {
      test(`refuses the role ${role} before it reads the request`, async () => {
        const call = await entry.call(world, someone)
        expect((await ask(route, call, await bearer(world.owner[role]))).outcome).toBe('403 forbidden')
        expect((await ask(route, spoiled(call), await bearer(world.owner[role]))).outcome).toBe('403 forbidden')
      })
      continue
    }

    test(`answers a ${role} with access and records the documented audit event`, async () => {
      const call = await entry.call(world, role)
      const actor = call.as ?? world.owner[role]
      const { outcome, headers } = await ask(route, call, await bearer(actor))
      expect(outcome).toBe(entry.mayBeEmpty && outcome === 'empty' ? 'empty' : 'ok')
      const kind = /\*\*Audit:\*\* `([a-z_.]+)`/.exec(route.operation.description)?.[1]
      const events = await auditedBy(headers.get('x-request-id')!)
      expect(events).toEqual(kind ? [{ kind, outcome: 'success', actorId: actor.userId }] : [])
    })

    const refusal = entry.strangers === 'none' ? undefined : entry.strangers[role]
    if (entry.strangers === 'none' || (role === 'admin' && !refusal)) continue
    test(`shows no data to a ${role} without access, and any 404 is the same as for an unknown id`, async () => {
      expect(refusal, `calls.ts does not say what a ${role} who is a stranger gets`).toBeDefined()
      const call = await entry.call(world, role)
      const token = await bearer(world.stranger[role])
      const refused = await ask(route, call, token)
      const expected = { 403: '403 forbidden', 404: '404 not_found', empty: 'empty' }[refusal!]
      expect(refused.outcome).toBe(expected)
      expect((await auditedBy(refused.headers.get('x-request-id')!)).filter(isSuccess)).toEqual(
        refusal === 'empty' ? expect.anything() : [],
      )
      if (refusal !== 404) return
      const missing = await ask(route, withUnknownIds(call, entry.thing), token)
      expect({ ...refused.body, requestId: '' }).toEqual({ ...missing.body, requestId: '' })
    })
  }
}

const isSuccess = ({ outcome }: { outcome: string }) => outcome === 'success'

/** The same request with an invalid body and query. */
const spoiled = (call: Call): Call => ({
  ...call,
  query: { ...call.query, nonsense: '1' },
  ...(call.body && { body: { nonsense: true } }),
})

/** The same request with unknown ids: in `field` of the body, or in every id field. */
function withUnknownIds(call: Call, field?: string): Call {
  const renamed = (values: Record<string, unknown> = {}) =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        (field ? key === field : /^id$|Id$/.test(key)) ? newId() : value,
      ]),
    )
  return { ...call, path: renamed(call.path) as Record<string, string>, ...(call.body && { body: renamed(call.body) }) }
}
