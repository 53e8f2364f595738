import { describe, expect, test } from 'bun:test'
import type { Role } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { apiDocument, findRoute, type Route, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'
import { ContractError } from '../support/contract'
import { createSchemaCompiler } from '../support/strict-schemas'
import { type BadCase, badCases } from './bad-input'
import type { Call, Entry } from './call'
import { CALLS, sentBy } from './calls'
import { createWorld } from './world'

const FULL = process.env.TEST_SCALE === 'full'
/** The share of cases to run unless TEST_SCALE is full; always the same cases. */
const SHARE = 0.05
const AT_LEAST = 5
const REFUSED = [400, 413, 415, 422]
const SLOW_MS = 5_000
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']

const t = await createTestApp()
const world = await createWorld(t)
const document = await apiDocument()
const { asWritten } = createSchemaCompiler(document)

describe('bad input', () => {
  for (const route of routesOf(document)) {
    const name = `${route.method} ${route.path}`
    const entry = CALLS[name]
    test(`${name} answers bad input with a documented 4xx that names the field`, async () => {
      expect(entry, 'calls.ts has no entry for this operation').toBeDefined()
      const breaches: string[] = []
      const random = seeded(name)
      let asked = 0
      let call = await freshCall(route, entry!)
      for (const bad of badCases(document, route, call.valid)) {
        if (!FULL && !bad.always && asked >= AT_LEAST && random() > SHARE) continue
        asked++
        const { breach, status } = await send(route, bad, call.headers)
        if (breach) breaches.push(`${bad.name} → ${breach}`)
        // A request that succeeded may have used up its target.
        if (status < 300 && route.method !== 'GET')
          call = { ...call, headers: (await freshCall(route, entry!)).headers }
      }
      expect(breaches).toEqual([])
      expect(asked).toBeGreaterThanOrEqual(AT_LEAST)
    }, 120_000)
  }

  test('bad input does not pollute object prototypes', () => {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('methods that a path does not have', () => {
  const routes = routesOf(document)
  const methods = new Map(routes.map(({ path, method }) => [path, method]))
  test.each([...methods.keys()])('%s answers 405 to other methods and names the allowed ones', async (path) => {
    const call = await CALLS[`${methods.get(path)} ${path}`]?.call(world, 'admin')
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => call?.path?.[name] ?? '')
    // `/doctors/availability` also matches `/doctors/{id}`.
    const unknown = METHODS.filter((method) => !findRoute(routes, method, address))
    for (const method of unknown) {
      const { status, headers } = await t.anonymous.call(method, address)
      const allowed = headers
        .get('allow')
        ?.split(', ')
        .filter((name) => METHODS.includes(name))
      expect({ method, status, allowed: allowed?.toSorted() }).toEqual({
        method,
        status: 405,
        allowed: METHODS.filter((name) => !unknown.includes(name)).toSorted(),
      })
    }
  })
})

async function freshCall({ operation: { 'x-roles': roles } }: Route, entry: Entry) {
  const role: Role = typeof roles === 'string' ? 'patient' : roles[0]!
  const valid: Call = await entry.call(world, role)
  const token = await signAccessToken(t.deps.config, valid.as ?? world.owner[role], t.clock.now())
  const headers = { ...sentBy(valid).headers, ...(roles !== 'public' && { authorization: `Bearer ${token}` }) }
  return { valid, headers }
}

/** Sends a bad request; returns the status and, if the answer breaks a rule, which one. */
async function send(route: Route, bad: BadCase, headers: Record<string, string>) {
  const started = performance.now()
  try {
    const options = { headers: { ...headers, ...bad.headers } }
    const { status, body, text } = await t.anonymous.call(route.method, bad.address, bad.body, options)
    const took = performance.now() - started
    const breach =
      wrongStatus(bad, status) ?? unnamedField(bad, status, body) ?? (took > SLOW_MS ? `took ${took} ms` : undefined)
    return { status, breach: breach && `${breach}: ${status} ${text.slice(0, 300)}` }
  } catch (error) {
    if (error instanceof ContractError) return { status: 500, breach: error.message }
    throw new Error(`${route.operation.operationId}, ${bad.name}`, { cause: error })
  }
}

function wrongStatus({ verdict, judge }: BadCase, status: number): string | undefined {
  if (status >= 500) return 'a failure of ours'
  if (verdict && !verdict.includes(status)) return `should be ${verdict}`
  const refusal = judge && asWritten(judge.schema)(judge.value)
  return refusal && !REFUSED.includes(status) ? `the document refuses it (${refusal})` : undefined
}

function unnamedField({ field, judge }: BadCase, status: number, body: { code?: string; errors?: { path: string }[] }) {
  if (status !== 422 || body.code !== 'validation_failed' || !field || !judge) return undefined
  if (!asWritten(judge.schema)(judge.value)) return undefined
  const named = body.errors?.some(({ path }) => path !== '' && (isWithin(path, field) || isWithin(field, path)))
  return named ? undefined : `no error names ${field}`
}

const isWithin = (path: string, outer: string) => path === outer || path.startsWith(`${outer}.`)

/** mulberry32, seeded by a name: the same numbers in every run. */
function seeded(name: string): () => number {
  let state = Number(Bun.hash.crc32(name))
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
