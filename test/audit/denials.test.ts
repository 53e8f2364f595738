import { describe, expect, test } from 'bun:test'
import { OpenAPIHono } from '@hono/zod-openapi'
import { sql } from 'kysely'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { newId } from '../../src/database/ids'
import { notFound } from '../../src/errors'
import { refuse } from '../../src/http/answer'
import { answerErrors } from '../../src/http/middleware/errors'
import { identifyRequest } from '../../src/http/middleware/request-id'
import { operation } from '../../src/http/operations/operation'
import { READABLE_BY_ROLE } from '../../src/http/operations/replay'
import { createRouter } from '../../src/http/operations/router'
import type { HttpEnv } from '../../src/http/request'
import { createTestApp, NOW } from '../support/app'
import { createClient } from '../support/client'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const stranger = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
const other = await t.newPatient()
const admin = await t.newAdmin()
const appointment = await t.newAppointment({ patient, doctor, startsAt: NOW })

const eventsOf = ({ headers }: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'outcome', 'actorId', 'actorRole', 'purpose', 'patientIds', 'targetId', 'detail'])
    .where('requestId', '=', headers.get('x-request-id')!)
    .execute()

describe('denied requests of a signed-in user', () => {
  test('a denied request is audited with its actor and the patient', async () => {
    const answer = await t.as(stranger.actor).get(`/patients/${patient.id}`)
    expect(answer.status).toBe(404)
    expect(await eventsOf(answer)).toEqual([
      {
        kind: 'patient.read',
        action: 'R',
        outcome: 'denied',
        actorId: stranger.actor.userId,
        actorRole: 'doctor',
        purpose: 'treatment',
        patientIds: [patient.id],
        targetId: patient.id,
        detail: { code: 'not_found' },
      },
    ])
  })

  test('a request that is denied for its role is audited before its body is read', async () => {
    const answer = await t.as(patient.actor).post(`/patients/${other.id}/records`, { nonsense: true })
    expect(answer.status).toBe(403)
    expect(await eventsOf(answer)).toMatchObject([
      { kind: 'record.create', outcome: 'denied', patientIds: [other.id], detail: { code: 'forbidden' } },
    ])
  })

  test('a denied request is audited with the patient that its body names', async () => {
    const body = { doctorId: doctor.id, startsAt: '2026-01-06T15:00:00Z', patientId: other.id.toUpperCase() }
    const booking = await t.as(patient.actor).post('/appointments', body)
    expect(booking.status).toBe(404)
    expect(await eventsOf(booking)).toMatchObject([{ outcome: 'denied', patientIds: [other.id], targetId: null }])
    const reading = await t.as(patient.actor).get('/audit', { query: { patientId: other.id } })
    expect(reading.status).toBe(403)
    expect(await eventsOf(reading)).toMatchObject([{ kind: 'audit.read', outcome: 'denied' }])
  })

  test('a denied request is audited although its transaction is rolled back', async () => {
    const answer = await t.as(other.actor).put(`/appointments/${appointment.id}/cancel`, {})
    expect(answer.status).toBe(404)
    expect(await eventsOf(answer)).toMatchObject([
      { kind: 'appointment.cancel', outcome: 'denied', patientIds: [], targetId: appointment.id },
    ])
    const { status } = await t.db
      .selectFrom('appointments')
      .select('status')
      .where('id', '=', appointment.id)
      .executeTakeFirstOrThrow()
    expect(status).toBe('booked')
  })

  test('a denied change of the password is audited once', async () => {
    const answer = await t
      .as(patient.actor)
      .put('/auth/password', { currentPassword: 'x', newPassword: 'a long passphrase 9' })
    expect(answer.status).toBe(401)
    expect(await eventsOf(answer)).toMatchObject([{ kind: 'password.change', outcome: 'denied' }])
  })

  test('a stranger gets the same answer, work and audit event for a hidden patient as for a missing one', async () => {
    const paths = [(id: string) => `/patients/${id}`, (id: string) => `/patients/${id}/records`]
    for (const path of paths) {
      const ask = (id: string) => wire.measure(() => wire.as(stranger.actor).get(path(id)))
      // Opens connections, each of which takes a round trip.
      await Promise.all(Array.from({ length: 10 }, () => ask(newId())))
      const missingId = newId()
      const [missing, hidden] = [await ask(missingId), await ask(patient.id)]
      expect(hidden.roundTrips).toBe(missing.roundTrips)
      expect({ ...hidden.answer.body, requestId: '' }).toEqual({ ...missing.answer.body, requestId: '' })
      const [one, two] = [await eventsOf(missing.answer), await eventsOf(hidden.answer)]
      const withId = (id: string) => ({ patientIds: [id], targetId: id })
      expect(one).toEqual([{ ...two[0]!, ...withId(missingId) }])
    }
  })
})

describe('refusals that commit their writes', () => {
  test('a mutation that refuses but commits its writes leaves one audit event', async () => {
    const app = new OpenAPIHono<HttpEnv>()
    app.use(identifyRequest(t.deps))
    answerErrors(app, t.deps)
    const { app: routes, mutation } = createRouter(t.deps)
    const audit = { kind: 'test.refused', action: 'U' as const }
    const texts = { tag: 'Test', operationId: 'refused', summary: 'x', description: 'x', who: 'admins' }
    const success = { status: 204 as const, description: 'x' }
    mutation(
      operation({ method: 'post', path: '/test', access: ['admin'], audit, answer: success, ...texts }),
      READABLE_BY_ROLE,
      async () => refuse(notFound('thing'), { targetId: clinic.id }),
    )
    app.route('/', routes)
    const client = createClient(
      async (request) => app.fetch(request),
      () => signAccessToken(t.deps.config, admin, t.clock.now()),
    )
    const answer = await client.post('/test', undefined, { raw: true })
    expect(answer.status).toBe(404)
    expect(await eventsOf(answer)).toMatchObject([{ outcome: 'denied', targetId: clinic.id, detail: null }])
  })
})

describe('internal errors', () => {
  test('a request that fails with an internal error is audited once, as an error', async () => {
    await sql`create function fail() returns trigger language plpgsql as $$ begin raise 'broken'; end $$`.execute(t.db)
    await sql`create trigger broken before update on clinics execute function fail()`.execute(t.db)
    const answer = await t.as(admin).patch(`/clinics/${clinic.id}`, { name: 'Never' })
    await sql`drop function fail cascade`.execute(t.db)
    expect(answer.status).toBe(500)
    expect(await eventsOf(answer)).toMatchObject([
      { kind: 'clinic.update', outcome: 'error', targetId: clinic.id, detail: { code: 'internal' } },
    ])
  })
})

describe('requests that reach no protected data', () => {
  test.each([
    ['without a token', () => t.anonymous.get(`/patients/${patient.id}`), 401],
    ['with a wrong body', () => t.as(doctor.actor).post(`/patients/${patient.id}/records`, { type: 1 }), 422],
    ['with an invalid id', () => t.as(stranger.actor).get('/patients/1'), 422],
    [
      'with an outdated version',
      () => t.as(admin).patch(`/clinics/${clinic.id}`, { name: 'X' }, { headers: { 'if-match': '"9"' } }),
      412,
    ],
    ['to an unknown path', () => t.as(admin).get('/nowhere'), 404],
    ['for an unknown clinic', () => t.as(patient.actor).get(`/clinics/${newId()}`), 404],
  ])('no audit event is left by a request %s', async (_, send, status) => {
    const answer = await send()
    expect(answer.status).toBe(status)
    expect(await eventsOf(answer)).toEqual([])
  })
})

describe('failed sign-ins', () => {
  test('a failed sign-in is audited once, with a digest that is the same for one email address', async () => {
    const attempt = (email: string) => t.anonymous.post('/auth/login', { email, password: 'a long passphrase 1' })
    const answers = [await attempt('nobody@example.org'), await attempt('NoBody@example.org')]
    const [one, two] = await Promise.all(answers.map(eventsOf))
    expect(one).toMatchObject([{ kind: 'auth.sign_in', outcome: 'denied', actorId: null }])
    expect(one![0]!.detail!.emailDigest).toMatch(/^[A-Za-z0-9+/]{43}=$/)
    expect(two).toEqual(one!)
  })
})
