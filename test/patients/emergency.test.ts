import { beforeEach, describe, expect, test } from 'bun:test'
import { relayAuditEvents } from '../../src/audit/relay'
import { EMERGENCIES_A_DAY } from '../../src/patients/emergency/service'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const REASON = 'Brought in unconscious after a fall'
const at = (hours: number) => new Date(NOW.getTime() + hours * HOUR)
const newDoctor = (verified = true) => t.newDoctor({ clinicId: clinic.id, verified })
const path = ({ id }: { id: string }) => `/patients/${id}/emergency-access`
const relay = async () => {
  while ((await relayAuditEvents(t.deps)) > 0);
}

beforeEach(() => t.clock.set(NOW))

const eventsOf = (requestId: string | null) => t.auditEvents().selectAll().where('requestId', '=', requestId!).execute()

describe('emergency access', () => {
  test('emergency access lasts four hours, and its reason is stored in the table but not in the audit event', async () => {
    const [doctor, patient] = [await newDoctor(), await t.newPatient()]
    const answer = await t.as(doctor.actor).post(path(patient), { reason: `  ${REASON} ` })
    expect(answer).toMatchObject({ status: 201, body: { expiresAt: '2026-01-05T16:00:00Z' } })
    expect(Object.keys(answer.body)).toEqual(['expiresAt'])
    expect(answer.headers.get('location')).toBe(`/patients/${patient.id}`)
    const rows = await t.db.selectFrom('emergencyAccess').selectAll().where('patientId', '=', patient.id).execute()
    expect(rows).toEqual([
      {
        id: rows[0]!.id,
        doctorId: doctor.id,
        patientId: patient.id,
        reason: REASON,
        createdAt: NOW,
        expiresAt: at(4),
        reviewedAt: null,
        reviewedBy: null,
      },
    ])
    const events = await eventsOf(answer.headers.get('x-request-id'))
    expect(events).toMatchObject([
      {
        kind: 'emergency_access',
        action: 'E',
        outcome: 'success',
        purpose: 'emergency',
        actorId: doctor.actor.userId,
        patientIds: [patient.id],
        targetId: rows[0]!.id,
      },
    ])
    expect(JSON.stringify(events)).not.toContain('unconscious')
  })

  test('repeated requests under one idempotency key open emergency access once', async () => {
    const [doctor, patient] = [await newDoctor(), await t.newPatient()]
    const key = { headers: { 'idempotency-key': 'emergency-1' } }
    for (let i = 0; i < 3; i++)
      expect((await t.as(doctor.actor).post(path(patient), { reason: REASON }, key)).status).toBe(201)
    const rows = await t.db.selectFrom('emergencyAccess').select('id').where('patientId', '=', patient.id).execute()
    expect(rows).toHaveLength(1)
  })

  test.each(['', 'too short', ' '.repeat(20), 'x'.repeat(501)])(
    'emergency access needs a reason of 10 to 500 characters, not %p',
    async (reason) => {
      const [doctor, patient] = [await newDoctor(), await t.newPatient()]
      const answer = await t.as(doctor.actor).post(path(patient), { reason })
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'reason' }] } })
    },
  )

  test('an unverified doctor is refused emergency access and audited, whether the patient exists or not', async () => {
    const [doctor, patient] = [await newDoctor(false), await t.newPatient()]
    const answers = []
    for (const id of [patient.id, crypto.randomUUID()]) {
      const { status, headers, body } = await t.as(doctor.actor).post(path({ id }), { reason: REASON })
      expect(await eventsOf(headers.get('x-request-id'))).toMatchObject([
        { kind: 'emergency_access', outcome: 'denied', patientIds: [id] },
      ])
      answers.push({ status, body: { ...body, requestId: '' } })
    }
    expect(answers[0]).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(answers[1]).toEqual(answers[0]!)
    expect((await t.as(doctor.actor).get(`/patients/${patient.id}`)).status).toBe(404)
  })

  test('emergency access to an unknown patient is a 404', async () => {
    const doctor = await newDoctor()
    const id = crypto.randomUUID()
    expect((await t.as(doctor.actor).post(path({ id }), { reason: REASON })).status).toBe(404)
  })

  test('emergency access opens one patient to one doctor', async () => {
    const [doctor, colleague] = [await newDoctor(), await newDoctor()]
    const [patient, other] = [await t.newPatient(), await t.newPatient()]
    await t.as(doctor.actor).post(path(patient), { reason: REASON })
    expect((await t.as(doctor.actor).get(`/patients/${patient.id}`)).status).toBe(200)
    expect((await t.as(doctor.actor).get(`/patients/${other.id}`)).status).toBe(404)
    expect((await t.as(colleague.actor).get(`/patients/${patient.id}`)).status).toBe(404)
  })
})

describe('audit purpose of emergency access', () => {
  test('reads and writes under emergency access are audited with the purpose emergency, only while it lasts', async () => {
    const [doctor, patient] = [await newDoctor(), await t.newPatient()]
    const as = t.as(doctor.actor)
    await as.post(path(patient), { reason: REASON })
    const note = { type: 'visit_note', title: 'Fall', data: {} }
    const record = await as.post(`/patients/${patient.id}/records`, note)
    const done = [
      record,
      await as.get(`/patients/${patient.id}`),
      await as.get(`/patients/${patient.id}/records`),
      await as.get(`/records/${record.body.id}`),
    ]
    for (const { headers, status } of done) {
      expect(status).toBeLessThan(300)
      expect(await eventsOf(headers.get('x-request-id'))).toMatchObject([{ purpose: 'emergency', outcome: 'success' }])
    }
    t.clock.set(at(4))
    // Authors can always read their own notes.
    const later = await as.get(`/records/${record.body.id}`)
    expect(later.status).toBe(200)
    expect(await eventsOf(later.headers.get('x-request-id'))).toMatchObject([{ purpose: 'treatment' }])
  })

  test('access to other patients, and access by other doctors, is audited with the purpose treatment', async () => {
    const [doctor, treating] = [await newDoctor(), await newDoctor()]
    const [patient, own] = [await t.newPatient(), await t.newPatient()]
    await t.newAppointment({ patient, doctor: treating, startsAt: at(24) })
    await t.newAppointment({ patient: own, doctor, startsAt: at(24) })
    await t.as(doctor.actor).post(path(patient), { reason: REASON })
    for (const [actor, id] of [
      [treating.actor, patient.id],
      [doctor.actor, own.id],
    ] as const) {
      const { headers } = await t.as(actor).get(`/patients/${id}`)
      expect(await eventsOf(headers.get('x-request-id'))).toMatchObject([{ purpose: 'treatment' }])
    }
  })
})

describe(`the limit of ${EMERGENCIES_A_DAY} emergency accesses in 24 hours`, () => {
  async function openSome(count: number) {
    const [doctor, patients] = [await newDoctor(), []] as [Awaited<ReturnType<typeof newDoctor>>, { id: string }[]]
    for (let i = 0; i < count; i++) {
      const patient = await t.newPatient()
      patients.push(patient)
      expect((await t.as(doctor.actor).post(path(patient), { reason: REASON })).status).toBe(201)
      t.clock.advance(HOUR)
    }
    return { doctor, patients }
  }

  test('emergency access above the limit is an audited 429 with Retry-After, and works after that time', async () => {
    const { doctor } = await openSome(EMERGENCIES_A_DAY)
    const patient = await t.newPatient()
    const refused = await t.as(doctor.actor).post(path(patient), { reason: REASON })
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    const wait = (24 - EMERGENCIES_A_DAY) * 3600
    expect(refused.headers.get('retry-after')).toBe(String(wait))
    expect(await eventsOf(refused.headers.get('x-request-id'))).toMatchObject([
      { kind: 'emergency_access', outcome: 'denied', patientIds: [patient.id], detail: { code: 'rate_limited' } },
    ])
    expect((await t.as(doctor.actor).get(`/patients/${patient.id}`)).status).toBe(404)

    t.clock.advance(wait * 1000 - 1)
    expect((await t.as(doctor.actor).post(path(patient), { reason: REASON })).status).toBe(429)
    t.clock.advance(1)
    expect((await t.as(doctor.actor).post(path(patient), { reason: REASON })).status).toBe(201)
    expect((await t.as(doctor.actor).post(path(patient), { reason: REASON })).status).toBe(429)
  })

  test('the limit of emergency access holds for concurrent requests', async () => {
    const doctor = await newDoctor()
    const patients = await Promise.all(Array.from({ length: EMERGENCIES_A_DAY * 2 }, () => t.newPatient()))
    const answers = await Promise.all(
      patients.map((patient) => t.as(doctor.actor).post(path(patient), { reason: REASON })),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([...Array(EMERGENCIES_A_DAY).fill(201), ...Array(EMERGENCIES_A_DAY).fill(429)])
  })

  test('the limit of emergency access counts per doctor', async () => {
    const { patients } = await openSome(EMERGENCIES_A_DAY)
    const colleague = await newDoctor()
    expect((await t.as(colleague.actor).post(path(patients[0]!), { reason: REASON })).status).toBe(201)
  })
})

describe('emergency access review', () => {
  const asAdmin = t.as(admin)

  async function opened() {
    const [doctor, patient] = [await newDoctor(), await t.newPatient()]
    await t.as(doctor.actor).post(path(patient), { reason: REASON })
    await t.as(doctor.actor).get(`/patients/${patient.id}`)
    await relay()
    const query = { kind: 'emergency_access', patientId: patient.id }
    const { body } = await asAdmin.get('/audit', { query })
    return { doctor, patient, listed: body.data as { seq: number; kind: string }[], seq: body.data[0].seq as number }
  }

  test('the audit list can be filtered to the emergency accesses of a patient', async () => {
    const { listed, patient, doctor } = await opened()
    expect(listed).toMatchObject([
      { kind: 'emergency_access', outcome: 'success', patientIds: [patient.id], actorId: doctor.actor.userId },
    ])
    expect(listed[0]).toHaveProperty('reviewedAt', null)
    const all = (await asAdmin.get('/audit', { query: { kind: 'emergency_access', limit: 100 } })).body.data
    expect(new Set(all.map(({ kind }: { kind: string }) => kind))).toEqual(new Set(['emergency_access']))
  })

  test('an emergency access review shows the reason and keeps the first admin who marked it', async () => {
    const { seq, doctor, patient } = await opened()
    const access = {
      patientId: patient.id,
      doctor: { id: doctor.id, name: doctor.name },
      reason: REASON,
      createdAt: '2026-01-05T12:00:00Z',
      expiresAt: '2026-01-05T16:00:00Z',
    }
    const open = { ...access, reviewedAt: null, reviewedBy: null }
    expect(await asAdmin.get(`/audit/${seq}/review`)).toMatchObject({ status: 200, body: open })

    t.clock.set(at(20))
    const reviewed = { ...access, reviewedAt: '2026-01-06T08:00:00Z', reviewedBy: admin.userId }
    const answer = await asAdmin.put(`/audit/${seq}/review`)
    expect(answer).toMatchObject({ status: 200, body: reviewed })
    expect(await eventsOf(answer.headers.get('x-request-id'))).toMatchObject([
      { kind: 'emergency_review.write', action: 'U', patientIds: [patient.id], actorId: admin.userId },
    ])

    t.clock.set(at(30))
    const other = await t.newAdmin()
    expect((await t.as(other).put(`/audit/${seq}/review`)).body).toEqual(reviewed)
    expect((await t.as(other).get(`/audit/${seq}/review`)).body).toEqual(reviewed)
    const query = { kind: 'emergency_access', patientId: patient.id }
    const { data } = (await asAdmin.get('/audit', { query })).body
    expect(data).toMatchObject([{ seq, reviewedAt: '2026-01-06T08:00:00Z' }])
  })

  test('an emergency access review is a 404 for an unknown event, and a 409 for another kind or a denied access', async () => {
    await opened()
    const doctor = await newDoctor(false)
    const patient = await t.newPatient()
    await t.as(doctor.actor).post(path(patient), { reason: REASON })
    await relay()
    const newest = async (kind: string) => (await asAdmin.get('/audit', { query: { kind, limit: 1 } })).body.data[0].seq
    for (const method of ['GET', 'PUT']) {
      const ask = (seq: number) => asAdmin.call(method, `/audit/${seq}/review`)
      expect(await ask(999_999_999)).toMatchObject({ status: 404, body: { code: 'not_found' } })
      expect(await ask(await newest('patient.read'))).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
      expect(await ask(await newest('emergency_access'))).toMatchObject({ status: 409 })
      for (const seq of ['0', '-1', 'x', '1.5', '99999999999999999'])
        expect((await asAdmin.call(method, `/audit/${seq}/review`)).status).toBe(422)
    }
  })
})
