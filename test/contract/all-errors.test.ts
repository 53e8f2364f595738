import { describe, expect, test } from 'bun:test'
import type { z } from '@hono/zod-openapi'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { definitionOf } from '../../src/http/operations/bounds'
import { checksOf, clockRulesOf, rulesOf } from '../../src/http/rules'
import { createIdleApp } from '../support/api-document'
import { createTestApp } from '../support/app'
import { addressOf, CALLS, sentBy } from './calls'
import { createWorld } from './world'

/** Breaks one rule, by members of the body or the query; `path` and `message` are the error that names it. */
type Breach = { with: Record<string, unknown>; path: string; message: string; rule?: string }

const BEFORE = { path: 'query.to', message: 'must not lie before from', rule: 'from, to' }
const daysBackwards: Breach = { with: { from: '2030-02-02', to: '2030-02-01' }, ...BEFORE }
const instantsBackwards: Breach = {
  with: { from: '2030-02-02T10:00:00Z', to: '2030-02-01T10:00:00Z' },
  ...BEFORE,
}
const unborn: Breach = {
  with: { dateOfBirth: '2199-01-01' },
  path: 'dateOfBirth',
  message: 'must not lie in the future',
}
const past = (name: string): Breach => ({
  with: { [name]: '1999-01-01T10:00:00Z' },
  path: name,
  message: 'must lie in the future',
})
const over: Breach = { with: {}, path: '', message: 'must not lie in the past' }

/** No field takes it. */
const WRONG = '!'.repeat(5_000)

const BREACHES: Record<string, Breach[]> = {
  'POST /auth/register': [
    unborn,
    {
      with: { email: 'long.surname@example.org', password: 'my long.surname 1947' },
      path: 'password',
      message: 'must not contain the name of your email address',
      rule: 'email, password',
    },
  ],
  'POST /patients': [unborn],
  'PATCH /patients/{id}': [unborn],
  'POST /appointments': [past('startsAt')],
  'POST /appointments/series': [past('startsAt')],
  'PUT /appointments/{id}/reschedule': [past('startsAt')],
  'POST /doctors/availability/exceptions': [
    past('endsAt'),
    {
      with: { startsAt: '2030-01-02T10:00:00Z', endsAt: '2030-01-01T10:00:00Z' },
      path: 'endsAt',
      message: 'must be after startsAt',
      rule: 'startsAt, endsAt',
    },
    {
      with: { startsAt: '2030-01-02T10:00:30Z', kind: 'extra' },
      path: 'startsAt',
      message: 'must be a whole minute',
      rule: 'startsAt, kind',
    },
  ],
  'POST /doctors/availability': [
    {
      with: { weekly: [{ weekday: 1, start: '12:00', end: '09:00' }] },
      path: 'weekly.0.end',
      message: 'must be after start',
      rule: 'weekly',
    },
    {
      with: { weekly: null, validFrom: undefined },
      path: 'weekly',
      message: 'may be null only for a dated schedule',
      rule: 'weekly, validFrom',
    },
    {
      with: { validFrom: '2030-01-02', validUntil: '2030-01-01' },
      path: 'validUntil',
      message: 'must not be before validFrom',
      rule: 'validFrom, validUntil',
    },
  ],
  'POST /clinics/{id}/closures': [
    {
      with: { startsOn: '2030-12-26', endsOn: '2030-12-24' },
      path: 'endsOn',
      message: 'must not be before startsOn',
      rule: 'startsOn, endsOn',
    },
  ],
  'PUT /prescriptions/{id}/renew': [
    { ...over, with: { until: '1999-01-01' }, path: 'until' },
    { with: { until: '2199-01-01' }, path: 'until', message: 'must not lie more than ten years ahead' },
  ],
  'POST /waitlist': [
    { ...over, with: { to: '1999-01-01' }, path: 'to' },
    {
      with: { doctorId: undefined, specialization: undefined },
      path: 'doctorId',
      message: 'give either this or specialization',
      rule: 'doctorId, specialization',
    },
    { ...daysBackwards, path: 'to' },
    {
      with: { from: '2030-01-01', to: '2031-06-01' },
      path: 'to',
      message: 'must lie at most 366 days after from, both counted',
      rule: 'from, to',
    },
  ],
  'GET /doctors/{id}/slots': [daysBackwards],
  'GET /slots': [daysBackwards],
  'GET /patients/{id}/records': [instantsBackwards],
  'GET /patients/{id}/prescriptions': [instantsBackwards],
  'GET /audit': [instantsBackwards],
  'GET /appointments': [daysBackwards],
}

const { app, close } = createIdleApp()
const routes = app.openAPIRegistry.definitions.flatMap((definition) =>
  definition.type === 'route' ? [definition.route] : [],
)
await close()

type Part = { name: string; roles: unknown; inQuery: boolean; schema: z.ZodType }
const parts: Part[] = routes.flatMap(({ method, path, request, ...rest }) => {
  const name = `${method.toUpperCase()} ${path}`
  const roles = (rest as Record<string, unknown>)['x-roles']
  const content = request?.body?.content as Record<string, { schema?: z.ZodType }> | undefined
  const json = content?.['application/json']?.schema
  const query = request?.query as z.ZodType | undefined
  return [
    ...(json ? [{ name, roles, inQuery: false, schema: json }] : []),
    ...(query ? [{ name, roles, inQuery: true, schema: query }] : []),
  ]
})

/** The schema itself, or the alternatives of a union with what applies to all of them. */
const objectsOf = (schema: z.ZodType): z.ZodType[] => [schema, ...(definitionOf(schema).options ?? [])]
const within = (field: z.ZodType): z.ZodType[] => {
  const { innerType } = definitionOf(field)
  return [field, ...(innerType ? within(innerType) : [])]
}
const shapeOf = (schema: z.ZodType) =>
  Object.assign({}, ...objectsOf(schema).map((one) => definitionOf(one).shape)) as Record<string, z.ZodType>
const hasClock = (field: z.ZodType) => within(field).some((one) => clockRulesOf(one).length > 0)

const t = await createTestApp()
const world = await createWorld(t)

describe('all errors at once', () => {
  test('every rule of the clock, and every rule about several fields, has a breach here', () => {
    const missing: string[] = []
    for (const { name, schema } of parts) {
      const breaches = BREACHES[name] ?? []
      for (const { fields } of objectsOf(schema).flatMap(rulesOf))
        if (!breaches.some(({ rule }) => rule === fields.join(', '))) missing.push(`${name}: ${fields.join(', ')}`)
      for (const [field, of] of Object.entries(shapeOf(schema)))
        if (hasClock(of) && !breaches.some(({ rule, path }) => !rule && path === field))
          missing.push(`${name}: ${field}`)
    }
    expect(missing).toEqual([])
  })

  test('no object has a rule that is told only when all its fields are right', () => {
    const late = parts.filter(({ schema }) =>
      objectsOf(schema).some((object) => checksOf(object).length > rulesOf(object).length),
    )
    expect(late.map(({ name }) => name)).toEqual([])
  })

  for (const [name, breaches] of Object.entries(BREACHES))
    for (const breach of breaches)
      test(`${name} names ${breach.path} (${breach.message}) beside each other wrong field`, async () => {
        const part = parts.find(
          ({ name: known, inQuery }) => known === name && inQuery === breach.path.startsWith('query.'),
        )!
        const ask = await asker(part)
        const ruled = new Set([...Object.keys(breach.with), ...(breach.rule ?? '').split(', ')])
        const others = Object.keys(shapeOf(part.schema)).filter((field) => !ruled.has(field) && field !== 'role')
        for (const other of [...others, 'unknown']) {
          const { status, errors } = await ask({ ...breach.with, [other]: WRONG })
          const told = {
            rule: errors?.some(({ path, message }) => path === breach.path && message === breach.message),
            other: errors?.some(({ path }) => path.split('.')[part.inQuery ? 1 : 0] === other),
          }
          expect({ other, status, told, errors }).toEqual({
            other,
            status: 422,
            told: { rule: true, other: true },
            errors,
          })
        }
      })

  test('a body whose only fault is the clock is refused after a replay was looked for', async () => {
    const call = await CALLS['POST /appointments']!.call(world, 'patient')
    const headers = { 'idempotency-key': 'late-replay' }
    const caller = t.as(call.as ?? world.owner.patient)
    const first = await caller.call('POST', '/appointments', call.body, { headers })
    expect(first.status).toBe(201)
    const before = t.clock.now()
    t.clock.set(new Date(Date.parse(String(call.body?.startsAt)) + 1000))
    const again = await t.as(call.as ?? world.owner.patient).call('POST', '/appointments', call.body, { headers })
    t.clock.set(before)
    expect(again.status).toBe(201)
  })
})

async function asker({ name, roles, inQuery }: Part) {
  const role = typeof roles === 'string' ? 'patient' : (roles as ('patient' | 'doctor' | 'admin')[])[0]!
  const valid = await CALLS[name]!.call(world, role)
  const [method, path] = name.split(' ') as [string, string]
  const token = await signAccessToken(t.deps.config, valid.as ?? world.owner[role], t.clock.now())
  const headers = { ...sentBy(valid).headers, ...(roles !== 'public' && { authorization: `Bearer ${token}` }) }
  return async (changes: Record<string, unknown>) => {
    const query = inQuery ? { ...valid.query, ...(changes as Record<string, string>) } : valid.query
    const body = inQuery ? undefined : JSON.stringify({ ...valid.body, ...changes })
    const answer = await t.anonymous.call(method, addressOf(path, { ...valid, query }), body, { headers })
    return { status: answer.status, errors: answer.body?.errors as { path: string; message: string }[] | undefined }
  }
}
