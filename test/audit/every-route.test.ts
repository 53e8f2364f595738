import { describe, expect, test } from 'bun:test'
import type { Caller, Role } from '../../src/actor'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import type { Deps } from '../../src/deps'
import type { Call, Entry } from '../contract/call'
import { addressOf, CALLS, sentBy } from '../contract/calls'
import { createWorld } from '../contract/world'
import { apiDocument, type Route, routesOf } from '../support/api-document'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { withoutDatabases } from './broken-deps'

const t = await createTestApp()
const world = await createWorld(t)
const broken = createApp(withoutDatabases(t.deps))

const ROLES: Role[] = ['patient', 'doctor', 'admin']
const rolesOf = ({ operation: { 'x-roles': roles } }: Route) =>
  roles === 'signed_in' ? ROLES : typeof roles === 'string' ? [] : roles
const nameOf = ({ method, path }: Route) => `${method} ${path}`
const kindOf = ({ operation }: Route) =>
  /\*\*Audit:\*\* `([a-z_.]+)` \(([CRUDE])\)/.exec(operation.description)?.slice(1)

async function ask(
  app: { fetch: Deps['authenticate'] | typeof t.app.fetch },
  { method, path }: Route,
  call: Call,
  actor: Caller,
  key?: string,
) {
  const fetch = app.fetch as typeof t.app.fetch
  const client = createClient(
    async (request) => fetch(request, { peerAddress: '127.0.0.1' }),
    () => signAccessToken(t.deps.config, actor, t.clock.now()),
  )
  const { body, headers } = sentBy(call)
  const options = { headers: { ...headers, ...(key && { 'idempotency-key': key }) } }
  return client.call(method, addressOf(path, call), body, options)
}

const eventsOf = ({ headers }: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'outcome', 'actorId', 'actorRole', 'purpose', 'patientIds', 'targetId', 'detail'])
    .where('requestId', '=', headers.get('x-request-id')!)
    .execute()

/** Routes that read or write data of a patient: the event has to name the patient. */
const OF_A_PATIENT = /^\/(patients|records|prescriptions|attachments|appointments|payments|waitlist)\b/

/** An actor who is denied this request; undefined if every role may send it and there are no strangers. */
function deniedTo(route: Route, { strangers }: Entry): { asked: Role; actor: Caller } | undefined {
  const roles = rolesOf(route)
  const stranger = ROLES.find((role) => strangers !== 'none' && typeof strangers[role] === 'number')
  if (stranger) return { asked: stranger, actor: world.stranger[stranger] }
  const wrong = ROLES.find((role) => !roles.includes(role))
  return wrong && { asked: roles[0]!, actor: world.owner[wrong] }
}

/** The caller is signed out afterwards and cannot send it again. */
const ENDS_ITS_SESSION = ['POST /auth/logout']

const audited = routesOf(await apiDocument()).filter(
  (route) => kindOf(route) && rolesOf(route).length > 0 && nameOf(route) in CALLS,
)

describe('audit events of every route', () => {
  test.each(audited.map((route) => [nameOf(route), route] as const))(
    '%s leaves one audit event each time it is denied, fails, succeeds or is replayed',
    async (name, route) => {
      const entry = CALLS[name]!
      const [kind, action] = kindOf(route)!
      const role = rolesOf(route)[0]!
      const denied = deniedTo(route, entry)

      if (denied) {
        const call = await entry.call(world, denied.asked)
        const { status, headers } = await ask(t.app, route, call, denied.actor)
        expect([403, 404]).toContain(status)
        const { userId: actorId, role: actorRole } = denied.actor
        expect(await eventsOf({ headers })).toMatchObject([{ kind, action, outcome: 'denied', actorId, actorRole }])
      }

      const call = await entry.call(world, role)
      const { userId: actorId, role: actorRole } = call.as ?? world.owner[role]
      const failed = await ask(broken, route, call, call.as ?? world.owner[role])
      expect(failed.status).toBe(500)
      expect(await eventsOf(failed)).toMatchObject([{ kind, action, outcome: 'error', actorId, actorRole }])

      const key = route.method === 'GET' ? undefined : name
      const done = await ask(t.app, route, call, call.as ?? world.owner[role], key)
      expect(done.status).toBeLessThan(300)
      const [event, ...more] = await eventsOf(done)
      expect(event).toMatchObject({ kind, action, outcome: 'success', actorId, actorRole })
      expect(more).toEqual([])
      if (OF_A_PATIENT.test(route.path)) {
        expect(event!.patientIds).not.toEqual([])
        expect(event!.purpose).not.toBeNull()
      }

      if (!key || ENDS_ITS_SESSION.includes(name)) return
      const again = await ask(t.app, route, call, call.as ?? world.owner[role], key)
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(await eventsOf(again)).toEqual([{ ...event!, detail: { replayed: true } }])
    },
  )

  test('every write and every read of patient data is audited', async () => {
    const unaudited = routesOf(await apiDocument()).filter((route) => !kindOf(route))
    const names = unaudited.map(nameOf)
    expect(names.filter((name) => !name.startsWith('GET ') || name.includes('/patients'))).toEqual([])
  })
})
