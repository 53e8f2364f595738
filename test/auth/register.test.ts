import { describe, expect, test } from 'bun:test'
import { createTestApp, NOW } from '../support/app'
import { createAccounts, doctorBody, newEmail, PASSWORD, patientBody } from './accounts'

const t = await createTestApp()
const accounts = createAccounts(t)

const register = (body: unknown) => t.anonymous.post('/auth/register', body)

describe('registration', () => {
  test('a patient who registers is signed in at once as that patient', async () => {
    const body = patientBody({ phone: '+1 212 555 0100', gender: 'female', address: '12 Pier Street' })
    const { status, headers, body: tokens } = await register(body)
    expect(status).toBe(201)
    expect(headers.get('location')).toBe('/auth/me')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(tokens).toMatchObject({ tokenType: 'Bearer', expiresIn: 900 })
    const { user } = tokens
    expect(user).toEqual({
      id: user.id,
      role: 'patient',
      email: body.email,
      name: 'Ada Lovelace',
      patientId: user.patientId,
    })
    expect((await accounts.withToken(tokens.accessToken).get('/auth/me')).body).toEqual(user)

    const patient = await t.db.selectFrom('patients').selectAll().where('userId', '=', user.id).executeTakeFirst()
    expect(patient).toMatchObject({
      id: user.patientId,
      name: 'Ada Lovelace',
      email: body.email,
      phone: '+1 212 555 0100',
      dateOfBirth: '1990-12-10',
      gender: 'female',
      address: '12 Pier Street',
      createdAt: NOW,
    })
    const stored = await t.db.selectFrom('users').selectAll().where('id', '=', user.id).executeTakeFirst()
    expect(stored).toMatchObject({ role: 'patient', status: 'active', pepperVersion: 1 })
    expect(stored?.passwordHash).toStartWith('$2b$04$')
    const events = await t.auditEvents().selectAll().where('targetId', '=', user.id).execute()
    expect(events).toMatchObject([
      { kind: 'account.register', outcome: 'success', actorId: user.id, patientIds: [user.patientId] },
    ])
  })

  test('a doctor who registers is unverified and has a free consultation, in US dollars if there is no clinic', async () => {
    const { status, body } = await register(doctorBody({ bio: 'Hearts.' }))
    expect(status).toBe(201)
    const { id, doctorId } = body.user
    const doctor = await t.db.selectFrom('doctors').selectAll().where('userId', '=', id).executeTakeFirst()
    expect(doctor).toMatchObject({ id: doctorId, bio: 'Hearts.', verifiedAt: null, licenseNumber: 'NY-1' })
    const types = await t.db.selectFrom('visitTypes').selectAll().where('doctorId', '=', doctorId).execute()
    expect(types).toMatchObject([
      { name: 'Consultation', durationMinutes: 30, slotIntervalMinutes: 30, priceAmount: 0, priceCurrency: 'USD' },
    ])
  })

  test('an admin cannot be registered', async () => {
    const answer = await register({ ...patientBody(), role: 'admin' })
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [{ path: 'role' }] } })
  })

  const bad: [over: Record<string, unknown>, path: string][] = [
    [{ password: 'too short' }, 'password'],
    [{ password: 'password12345' }, 'password'],
    [{ email: 'ada.lovelace@example.org', password: 'hi ada.lovelace hi' }, 'password'],
    [{ email: 'not an address' }, 'email'],
    [{ name: ' ' }, 'name'],
    [{ dateOfBirth: '2026-01-07' }, 'dateOfBirth'],
    [{ dateOfBirth: '1990-02-30' }, 'dateOfBirth'],
    [{ specialization: 'Cardiology' }, 'specialization'],
    [{ phone: 'call me' }, 'phone'],
  ]
  test.each(bad)('refuses to register a patient with %p and names the field', async (over, path) => {
    const { status, body } = await register(patientBody(over))
    expect(status).toBe(422)
    expect(body.errors.map((error: { path: string }) => error.path)).toEqual([path])
    expect(body.errors[0].message).not.toContain(PASSWORD)
  })

  test('exactly one of several concurrent registrations of one email address succeeds, whatever its case', async () => {
    const email = newEmail()
    const answers = await Promise.all(
      [email, email.toUpperCase(), email.replace('s', 'S'), email].map((email) => register(patientBody({ email }))),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    for (const { status, body } of answers) if (status === 409) expect(body.code).toBe('email_taken')
    const users = await t.db.selectFrom('users').select('id').where('email', 'ilike', email).execute()
    expect(users.length).toBe(1)
    const patients = await t.db.selectFrom('patients').select('id').where('email', 'ilike', email).execute()
    expect(patients.length).toBe(1)
  })
})

describe('registration of a doctor if there are clinics', async () => {
  const t = await createTestApp({ DOCTOR_VERIFICATION: 'off' })
  const register = (over: Record<string, unknown>) => t.anonymous.post('/auth/register', doctorBody(over))
  const clinicsOf = async (doctorId: string) => {
    const rows = await t.db.selectFrom('doctorClinics').select('clinicId').where('doctorId', '=', doctorId).execute()
    return rows.map(({ clinicId }) => clinicId)
  }
  const priceOf = (doctorId: string) =>
    t.db
      .selectFrom('visitTypes')
      .select(['priceAmount', 'priceCurrency'])
      .where('doctorId', '=', doctorId)
      .executeTakeFirstOrThrow()

  test('a doctor who registers joins the only clinic with a fee in its currency, and is verified if verification is off', async () => {
    const clinic = await t.newClinic({ currency: 'EUR' })
    const paid = await register({ fee: { amount: 8000, currency: 'EUR' } })
    const { doctorId } = paid.body.user
    expect(await clinicsOf(doctorId)).toEqual([clinic.id])
    expect(await priceOf(doctorId)).toEqual({ priceAmount: 8000, priceCurrency: 'EUR' })
    const doctor = await t.db.selectFrom('doctors').select('verifiedAt').where('id', '=', doctorId).executeTakeFirst()
    expect(doctor?.verifiedAt).toEqual(NOW)

    const free = await register({})
    expect(await priceOf(free.body.user.doctorId)).toEqual({ priceAmount: 0, priceCurrency: 'EUR' })

    const email = newEmail()
    const dollars = await register({ email, fee: { amount: 8000, currency: 'USD' } })
    expect(dollars).toMatchObject({ status: 422, body: { errors: [{ path: 'fee.currency' }] } })
    expect((await register({ email })).status).toBe(201)
  })

  test('a doctor who registers joins no clinic if there are several', async () => {
    await t.newClinic()
    await t.newClinic()
    const { status, body } = await register({ fee: { amount: 8000, currency: 'GBP' } })
    expect(status).toBe(201)
    expect(await clinicsOf(body.user.doctorId)).toEqual([])
    expect(await priceOf(body.user.doctorId)).toEqual({ priceAmount: 8000, priceCurrency: 'GBP' })
  })
})
