import { describe, expect, test } from 'bun:test'
import type { Caller, Role } from '../../src/actor'
import { apiDocument, type Route, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'
import type { Call, Entry } from './call'
import { addressOf, CALLS, sentBy } from './calls'
import { createWorld } from './world'

const t = await createTestApp()
const world = await createWorld(t)
const routes = routesOf(await apiDocument())
const nameOf = ({ method, path }: Route) => `${method} ${path}`

/** A session belongs to its user alone: no guardian can end it. */
const OWN_ONLY = ['DELETE /auth/sessions/{id}']

/** The writes that a role may send only with access to something. */
function writesOf(role: Role) {
  return routes.flatMap((route) => {
    const entry = CALLS[nameOf(route)]
    if (route.method === 'GET' || !entry || OWN_ONLY.includes(nameOf(route)) || entry.strangers === 'none') return []
    return entry.strangers[role] === undefined ? [] : [[nameOf(route), route, entry] as const]
  })
}

function send({ method, path }: Route, call: Call, actor: Caller, key: string) {
  const { body, headers } = sentBy(call)
  return t.as(actor).call(method, addressOf(path, call), body, { headers: { ...headers, 'idempotency-key': key } })
}

/** Whether the caller may read what the answer shows: at its Location, else at the path of the thing that was changed. */
async function mayRead(route: Route, call: Call, { headers }: { headers: Headers }, actor: Caller): Promise<boolean> {
  const [thing] = /^\/\w+\/\{id\}/.exec(route.path) ?? []
  const isRead = routes.some(({ method, path }) => method === 'GET' && path === thing)
  const address = headers.get('location') ?? (thing && isRead && addressOf(thing, call))
  if (!address) return true
  const { status, body } = await t.as(actor).get(address)
  return status === 200 && !(Array.isArray(body?.data) && body.data.length === 0)
}

const eventsOf = ({ headers }: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['outcome', 'actorId', 'patientIds'])
    .where('requestId', '=', headers.get('x-request-id')!)
    .execute()

/** A new guardian of everybody for whom the world's patient may act. */
async function newGuardian(): Promise<Caller> {
  const { actor } = await t.newPatient()
  const wards = await t.db
    .selectFrom('patientGuardians')
    .select('patientId')
    .where('userId', '=', world.owner.patient.userId)
    .execute()
  const guarded = [{ patientId: world.patient.id }, ...wards]
  await t.db
    .insertInto('patientGuardians')
    .values(guarded.map(({ patientId }) => ({ userId: actor.userId, patientId })))
    .execute()
  return actor
}

describe('a replay after the right to read was withdrawn', () => {
  test.each(writesOf('patient'))(
    '%s of a guardian whose guardianship has ended is a 404, denied once',
    async (name, route, entry) => {
      const call = await entry.call(world, 'patient')
      const guardian = await newGuardian()
      const key = `guardian ${name}`
      const first = await send(route, call, guardian, key)
      expect(first.status).toBeLessThan(300)
      const again = await send(route, call, guardian, key)
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      const [{ patientIds } = { patientIds: [] }] = await eventsOf(first)

      await t.db.deleteFrom('patientGuardians').where('userId', '=', guardian.userId).execute()
      expect(await mayRead(route, call, first, guardian)).toBe(false)
      const refused = await send(route, call, guardian, key)
      expect(refused).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(refused.headers.has('idempotent-replayed')).toBe(false)
      expect(await eventsOf(refused)).toEqual([{ outcome: 'denied', actorId: guardian.userId, patientIds }])
    },
  )

  test.each(writesOf('doctor'))(
    '%s of a doctor without a relationship any more is replayed as far as the thing can be read',
    async (name, route, entry: Entry) => {
      const call = await entry.call(world, 'doctor')
      const actor = call.as ?? world.owner.doctor
      const key = `doctor ${name}`
      const first = await send(route, call, actor, key)
      expect(first.status).toBeLessThan(300)
      const { doctorId } = actor
      const visits = t.db.selectFrom('appointments').select(['id', 'status']).where('doctorId', '=', doctorId!)
      const before = await visits.execute()
      await t.db
        .updateTable('appointments')
        .set({ status: 'cancelled', holdExpiresAt: null })
        .where('doctorId', '=', doctorId!)
        .execute()
      expect((await t.as(actor).get(`/patients/${world.patient.id}`)).status).toBe(404)
      const readable = await mayRead(route, call, first, actor)
      const again = await send(route, call, actor, key)
      for (const { id, status } of before)
        await t.db.updateTable('appointments').set({ status }).where('id', '=', id).execute()
      expect({ name, replayed: again.headers.get('idempotent-replayed') === 'true' }).toEqual({
        name,
        replayed: readable,
      })
    },
  )
})
