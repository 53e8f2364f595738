import { beforeEach, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { relayAuditEvents } from '../../src/audit/relay'
import { createTestApp, NOW } from '../support/app'
import { openCopy } from '../support/copies'
import { until } from '../support/until'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()
const asAdmin = t.as(admin)

const HOUR = 3_600_000
const at = (hours: number) => new Date(NOW.getTime() + hours * HOUR)
const erase = (id: string) => asAdmin.post(`/patients/${id}/erase`)

beforeEach(() => t.clock.set(NOW))

let serial = 0

/** A registered patient whose contact data are words that occur nowhere else. */
async function registered() {
  const mark = `canary${++serial}x`
  const contact = {
    email: `${mark}@example.org`,
    name: `${mark} Name`,
    phone: `+1 212 555 ${String(9000 + serial)}`,
    address: `${mark} Street`,
  }
  const body = { role: 'patient', password: 'a long passphrase', dateOfBirth: '1986-12-09', ...contact }
  const headers = { 'user-agent': `${mark} Browser` }
  const { body: tokens } = await t.anonymous.post('/auth/register', body, { headers })
  const { id: userId, patientId } = tokens.user as { id: string; patientId: string }
  const { id: sessionId } = await t.db
    .selectFrom('sessions')
    .select('id')
    .where('userId', '=', userId)
    .executeTakeFirstOrThrow()
  const actor = { userId, sessionId, role: 'patient' as const, patientId }
  return { id: patientId, name: contact.name, actor, contact, canaries: [mark, contact.phone], tokens }
}

/** The PostgreSQL columns, of any table and text type, that contain one of the words. */
async function occurrences(words: string[]): Promise<string[]> {
  const { rows: columns } = await sql<{ tableName: string; columnName: string }>`
    select table_name as "tableName", column_name as "columnName" from information_schema.columns
    join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and table_type = 'BASE TABLE'
      and data_type in ('text', 'jsonb', 'json', 'character varying', 'ARRAY')`.execute(t.db)
  const found: string[] = []
  for (const { tableName, columnName } of columns) {
    const { rows } = await sql<{ hits: number }>`
      select count(*) as hits from ${sql.table(tableName)}
      where exists (select 1 from unnest(${words}::text[]) as word where ${sql.ref(columnName)}::text ilike '%' || word || '%')`.execute(
      t.db,
    )
    if (rows[0]!.hits > 0) found.push(`${tableName}.${columnName}`)
  }
  return found.sort()
}

describe('erasing a patient', () => {
  test('erasure removes all contact data from PostgreSQL, including stored answers and sessions', async () => {
    const patient = await registered()
    const { canaries, actor, id } = patient
    const guardian = await t.newPatient()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: id }).execute()
    const key = () => ({ headers: { 'idempotency-key': `key-${++serial}` } })
    // Stored answers with contact data, for the patient, a guardian, an admin and a doctor.
    await t.as(actor).patch(`/patients/${id}`, { gender: 'female' }, key())
    await t.as(guardian.actor).patch(`/patients/${id}`, { gender: 'other' }, key())
    await asAdmin.patch(`/patients/${id}`, { gender: 'unknown' }, key())
    await asAdmin.patch(`/users/${actor.userId}`, { status: 'active' }, key())
    const booking = { doctorId: doctor.id, patientId: id, startsAt: '2026-01-06T14:00:00Z' }
    const booked = await asAdmin.post('/appointments', booking, key())
    const cancelled = await t.as(doctor.actor).put(`/appointments/${booked.body.id}/cancel`, {}, key())
    expect(cancelled.status).toBe(200)

    expect(await occurrences(canaries)).toEqual([
      'idempotency_keys.body',
      'patients.address',
      'patients.email',
      'patients.folded',
      'patients.name',
      'patients.phone',
      'patients.search_text',
      'sessions.user_agent',
      'users.email',
      'users.folded',
      'users.name',
      'users.phone',
      'users.search_text',
    ])
    const answer = await erase(id)
    expect(answer).toMatchObject({ status: 200, body: { id, erasedAt: '2026-01-05T12:00:00Z' } })
    expect(await occurrences(canaries)).toEqual([])
    expect(await occurrences(['203.0.113.', '127.0.0.1'])).not.toContain('sessions.ip')
  })

  test('erasure keeps the year of birth, records, payments, the access log and the treatment relationship', async () => {
    const patient = await registered()
    const { id } = patient
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const visit = await t.newAppointment({ patient, doctor, startsAt: at(-2), status: 'completed' })
    await t.as(patient.actor).post('/payments', { appointmentId: visit.id, method: 'cash' })
    const note = { type: 'visit_note', title: 'Cough', data: { days: 3 } }
    const { body: record } = await t.as(doctor.actor).post(`/patients/${id}/records`, note)
    await erase(id)

    expect((await asAdmin.get(`/patients/${id}`)).body).toEqual({
      id,
      name: 'Erased patient',
      email: null,
      phone: null,
      dateOfBirth: '1986-01-01',
      gender: 'unknown',
      address: null,
      history: null,
    })
    const exported = (await asAdmin.get(`/patients/${id}/export`)).body
    expect(exported.appointments).toHaveLength(1)
    expect(exported.payments).toHaveLength(1)
    expect(exported.accessLog.map(({ kind }: { kind: string }) => kind)).toContain('record.create')
    expect((await t.as(doctor.actor).get(`/records/${record.id}`)).body).toEqual(record)
    expect((await t.as(doctor.actor).get(`/patients/${id}`)).body.name).toBe('Erased patient')
  })

  test('erasure closes the account on every copy for good', async () => {
    const { id, actor, contact, tokens } = await registered()
    const other = openCopy(t)
    expect((await other.as(actor).get('/auth/me')).status).toBe(200)
    await erase(id)
    expect((await t.as(actor).get('/auth/me')).status).toBe(401)
    await until(async () => (await other.as(actor).get('/auth/me')).status === 401)
    const { refreshToken } = tokens
    expect((await t.anonymous.post('/auth/refresh', { refreshToken })).status).toBe(401)
    const credentials = { password: 'a long passphrase' }
    const { email } = await t.db
      .selectFrom('users')
      .select(['email', 'status'])
      .where('id', '=', actor.userId)
      .executeTakeFirstOrThrow()
    expect(email).toBe(`erased+${actor.userId}@erased.invalid`)
    // Not even after an admin activates the account again.
    await asAdmin.patch(`/users/${actor.userId}`, { status: 'active' })
    for (const name of [email, contact.email])
      expect((await t.anonymous.post('/auth/login', { email: name, ...credentials })).status).toBe(401)
    // The email can be registered again.
    const anew = { role: 'patient', password: 'another passphrase', dateOfBirth: '1986-12-09', ...contact }
    expect((await t.anonymous.post('/auth/register', anew)).status).toBe(201)
  })

  test('erasure deletes the waiting list entries and stored answers of the patient, and nothing of other patients', async () => {
    const patient = await registered()
    const other = await t.newPatient()
    const desk = await t.newAdmin()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const wish = {
      doctorId: doctor.id,
      startsOn: '2026-01-06',
      endsOn: '2026-01-09',
      createdByRole: 'patient' as const,
    }
    for (const { id, actor } of [patient, other]) {
      const entry = { ...wish, id: crypto.randomUUID(), patientId: id, createdBy: actor.userId }
      await t.db.insertInto('waitlistEntries').values(entry).execute()
      const visit = await t.newAppointment({
        patient: { id, actor },
        doctor,
        startsAt: at(-2 - ++serial),
        status: 'completed',
      })
      const key = { headers: { 'idempotency-key': 'paid' } }
      const made = await t.as(actor).post('/payments', { appointmentId: visit.id, method: 'cash' }, key)
      expect(made.status).toBe(201)
      // A stored answer without a patient id: only its audit event names the patient.
      const atTheDesk = { headers: { 'idempotency-key': `desk ${id}` } }
      expect((await t.as(desk).put(`/payments/${made.body.id}/mark-paid`, undefined, atTheDesk)).status).toBe(200)
    }
    await erase(patient.id)
    const waiting = await t.db.selectFrom('waitlistEntries').select('patientId').execute()
    expect(waiting).toEqual([{ patientId: other.id }])
    const users = [patient.actor.userId, other.actor.userId, desk.userId]
    const keys = t.db.selectFrom('idempotencyKeys').select(['userId', 'patientIds']).where('userId', 'in', users)
    expect(await keys.orderBy('createdAt').orderBy('userId').execute()).toEqual([
      { userId: other.actor.userId, patientIds: [other.id] },
      { userId: desk.userId, patientIds: [other.id] },
    ])
  })

  test('erasure removes guardians in both directions', async () => {
    const { id, actor } = await registered()
    const [guardian, ward] = [await t.newPatient(), await t.newPatient()]
    await t.db
      .insertInto('patientGuardians')
      .values([
        { userId: guardian.actor.userId, patientId: id },
        { userId: actor.userId, patientId: ward.id },
        { userId: guardian.actor.userId, patientId: ward.id },
      ])
      .execute()
    await erase(id)
    const left = await t.db.selectFrom('patientGuardians').selectAll().where('patientId', 'in', [id, ward.id]).execute()
    expect(left).toEqual([{ userId: guardian.actor.userId, patientId: ward.id }])
    expect((await t.as(guardian.actor).get(`/patients/${id}`)).status).toBe(404)
  })

  test('erasure is refused while the patient has a future appointment, and changes nothing', async () => {
    const patient = await registered()
    const { id, contact } = patient
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const booked = await t.newAppointment({ patient, doctor, startsAt: at(24) })
    expect(await erase(id)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect((await asAdmin.get(`/patients/${id}`)).body.name).toBe(contact.name)
    expect((await t.as(patient.actor).get('/auth/me')).status).toBe(200)
    await asAdmin.put(`/appointments/${booked.id}/cancel`)
    expect((await erase(id)).status).toBe(200)
  })

  test.each([
    ['held', at(1), 409],
    ['checked_in', at(-0.25), 409],
    ['booked', at(-24), 200],
    ['completed', at(-24), 200],
    ['cancelled', at(24), 200],
    ['expired', at(24), 200],
  ] as const)('erasure with an appointment %s at %p is answered with %d', async (status, startsAt, expected) => {
    const patient = await t.newPatient()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor, startsAt, status })
    expect((await erase(patient.id)).status).toBe(expected)
  })

  test('a second erasure changes nothing, and contact data cannot be entered again', async () => {
    const { id } = await registered()
    const first = await erase(id)
    const row = () => t.db.selectFrom('patients').selectAll().where('id', '=', id).executeTakeFirst()
    const before = await row()
    t.clock.advance(HOUR)
    expect(await erase(id)).toMatchObject({ status: 200, body: first.body })
    expect(await row()).toEqual(before!)
    expect(await asAdmin.patch(`/patients/${id}`, { phone: '+1 212 555 0100' })).toMatchObject({
      status: 409,
      body: { code: 'invalid_state' },
    })
  })

  test('only admins can erase a patient, with or without an account, and an unknown patient is a 404', async () => {
    const phone = await t.newPatient({ account: false })
    expect((await erase(phone.id)).status).toBe(200)
    expect((await erase(crypto.randomUUID())).status).toBe(404)
    const patient = await t.newPatient()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor, startsAt: at(1) })
    for (const actor of [patient.actor, doctor.actor])
      expect((await t.as(actor).post(`/patients/${patient.id}/erase`)).status).toBe(403)
  })

  test('erasure is audited without any erased data', async () => {
    const { id, canaries } = await registered()
    const { headers } = await erase(id)
    const events = await t.auditEvents().selectAll().where('requestId', '=', headers.get('x-request-id')!).execute()
    expect(events).toMatchObject([
      { kind: 'patient.erase', action: 'D', outcome: 'success', patientIds: [id], targetId: id },
    ])
    while ((await relayAuditEvents(t.deps)) > 0);
    const trail = JSON.stringify(await t.deps.mongo.db.collection('audit_logs').find().toArray())
    for (const canary of canaries) expect(trail).not.toContain(canary)
  })
})

/**
 * How erasure treats each column that references patients or users. For a new column: erase or keep it in
 * src/privacy/erasure, add it to the export, then list it here.
 */
const KNOWN_REFERENCES: Record<string, string> = {
  'patients.user_id': 'stays: the account is pseudonymous',
  'sessions.user_id': 'ended; address and browser forgotten',
  'patient_guardians.user_id': 'deleted',
  'patient_guardians.patient_id': 'deleted',
  'appointments.patient_id': 'kept by law',
  'appointments.created_by': 'kept by law',
  'appointments.cancelled_by': 'kept by law',
  'appointments.undone_by': 'kept by law',
  'payments.created_by': 'kept by law',
  'payment_entries.created_by': 'kept by law',
  'waitlist_entries.patient_id': 'deleted',
  'waitlist_entries.created_by': 'stays where it is for a ward',
  'idempotency_keys.user_id': 'deleted',
  'emergency_access.patient_id': 'kept by law',
  'emergency_access.reviewed_by': 'an admin',
  'doctors.user_id': 'a doctor',
}

test('every column that references a patient or an account is handled by erasure', async () => {
  const { rows } = await sql<{ reference: string }>`
    select conrelid::regclass || '.' || attname as reference
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any(conkey)
    where contype = 'f' and confrelid in ('patients'::regclass, 'users'::regclass)
      and connamespace = 'public'::regnamespace`.execute(t.db)
  const unknown = rows.map(({ reference }) => reference).filter((reference) => !(reference in KNOWN_REFERENCES))
  expect(unknown).toEqual([])
})
