import { describe, expect, test } from 'bun:test'
import type { Role } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { encodeCursor } from '../../src/http/pagination'
import { apiDocument, type Route, routesOf, type Schema } from '../support/api-document'
import { createTestApp } from '../support/app'
import { addressOf, CALLS, sentBy } from './calls'
import { propertiesOf } from './schema-walk'
import { createWorld } from './world'

const t = await createTestApp()
const world = await createWorld(t)
const document = await apiDocument()

/** Days at the edges of what is allowed, beyond them, and around today. */
const DAYS = [
  '1899-12-31',
  '1900-01-01',
  '1970-01-01',
  '2026-03-01',
  '2199-12-31',
  '2200-01-01',
  '9999-12-31',
  '0001-01-01',
]
const BEYOND = DAYS.filter((day) => day < '1900' || day >= '2200')

const isTime = ({ format }: Schema) => format === 'date' || format === 'date-time'
const written = (day: string, { format }: Schema) => (format === 'date' ? day : `${day}T00:00:00Z`)

async function asker(route: Route) {
  const { 'x-roles': roles } = route.operation
  const role: Role = typeof roles === 'string' ? 'patient' : roles[0]!
  const valid = await CALLS[`${route.method} ${route.path}`]!.call(world, role)
  const token = await signAccessToken(t.deps.config, valid.as ?? world.owner[role], t.clock.now())
  const headers = { ...sentBy(valid).headers, ...(roles !== 'public' && { authorization: `Bearer ${token}` }) }
  return {
    valid,
    ask: (query: Record<string, string>, body: Record<string, unknown> | undefined = valid.body) =>
      t.anonymous.call(route.method, addressOf(route.path, { ...valid, query: { ...valid.query, ...query } }), body, {
        headers,
      }),
  }
}

const parametersOf = ({ operation }: Route) =>
  operation.parameters?.filter((parameter) => parameter.in === 'query') ?? []
/** A list without items, or a refusal. */
const isHarmless = ({ status, body }: { status: number; body: { data?: unknown[] } | unknown[] }) =>
  status === 422 || (status === 200 && (Array.isArray(body) ? body : (body.data ?? [])).length === 0)

describe('ranges', () => {
  const ranged = routesOf(document).filter((route) => parametersOf(route).some(({ schema }) => isTime(schema)))
  test('there are routes with ranges', () => expect(ranged.length).toBeGreaterThan(4))

  test.each(ranged.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s answers every day, alone or as a range, with a list or a 4xx, and days beyond 1900 to 2199 with 422',
    async (_name, route) => {
      const { ask } = await asker(route)
      const breaches: string[] = []
      const times = parametersOf(route).filter(({ schema }) => isTime(schema))
      for (const { name, schema } of times)
        for (const day of DAYS) {
          const { status } = await ask({ [name]: written(day, schema) })
          if (status >= 500 || (BEYOND.includes(day) && status !== 422)) breaches.push(`${name}=${day} → ${status}`)
        }
      const [from, to] = ['from', 'to'].map((name) => times.find((parameter) => parameter.name === name))
      if (from && to)
        for (const [begin, end] of [
          ['2026-03-02', '2026-03-01'],
          ['2199-12-31', '1900-01-01'],
          ['1900-01-01', '2199-12-31'],
        ] as const) {
          const answer = await ask({ from: written(begin, from.schema), to: written(end, to.schema) })
          const ok = end < begin ? isHarmless(answer) : answer.status < 500
          if (!ok) breaches.push(`${begin} to ${end} → ${answer.status}`)
        }
      expect(breaches).toEqual([])
    },
    60_000,
  )
})

describe('days and instants of bodies', () => {
  const fieldsOf = ({ operation }: Route) => {
    const schema = operation.requestBody?.content['application/json']?.schema
    return schema ? Object.entries(propertiesOf(document, schema)).filter(([, field]) => isTime(field)) : []
  }
  const dated = routesOf(document).filter((route) => fieldsOf(route).length > 0)
  test.each(dated.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s answers 422 to days beyond 1900 to 2199, and never a 5xx',
    async (_name, route) => {
      const breaches: string[] = []
      for (const [name, schema] of fieldsOf(route))
        for (const day of DAYS) {
          const { ask, valid } = await asker(route)
          const { status } = await ask({}, { ...valid.body, [name]: written(day, schema) })
          if (status >= 500 || (BEYOND.includes(day) && status !== 422)) breaches.push(`${name}=${day} → ${status}`)
        }
      expect(breaches).toEqual([])
    },
    60_000,
  )
})

describe('cursors', () => {
  const paged = routesOf(document).filter((route) => parametersOf(route).some(({ name }) => name === 'cursor'))
  /** Its cursor begins with a name, which may look like an instant. */
  const byName = 'GET /doctors'
  const id = '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f'
  const years = ['0000', '0001', '1899', '1900', '2026', '2199', '2200', '9999']
  const instants = years.map((year) => `${year}-06-15T00:00:00.000Z`)
  const cursors = [
    ...instants.flatMap((instant) => [[instant, id], [instant, id, id], [instant]]),
    ['+275760-09-13T00:00:00.000Z', id],
    ['-000001-01-01T00:00:00.000Z', id],
    ['2026-06-15T00:00:00.000Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
    [id],
    ['999999999999999'],
    ['\u{10ffff}'.repeat(140), id],
    [],
  ]
  test.each(paged.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s answers every cursor with a page or a 422, and years beyond 1900 to 2199 with 422',
    async (name, route) => {
      const { ask } = await asker(route)
      const breaches: string[] = []
      for (const values of cursors) {
        const { status } = await ask({ cursor: encodeCursor(values) })
        const beyond =
          /^(0|1899|2200|9999|\+|-)/.test(values[0] ?? '') && (values[0] ?? '').includes('T') && name !== byName
        if (![200, 422].includes(status) || (beyond && status !== 422)) breaches.push(`${values} → ${status}`)
      }
      expect(breaches).toEqual([])
    },
    60_000,
  )
})
