import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const patient = await t.newPatient()
const clinic = await t.newClinic()
const newDoctor = () => t.newDoctor({ clinicId: clinic.id })

const price = { amount: 12_000, currency: 'USD' }
const DEFAULTS = {
  durationMinutes: 30,
  slotIntervalMinutes: 30,
  bufferBeforeMinutes: 0,
  bufferAfterMinutes: 0,
  mode: 'in_person',
  minimumNoticeMinutes: 0,
  horizonDays: 90,
  cancellationPolicy: { freeUntilMinutes: 1440, lateRefundPercent: 0 },
  requiresRoom: false,
  requiresPrepayment: false,
  active: true,
}

describe('visit types', () => {
  test('a visit type needs only a name and a price, and all else has a default', async () => {
    const doctor = await newDoctor()
    const path = `/doctors/${doctor.id}/visit-types`
    const made = await t.as(doctor.actor).post(path, { name: 'Second opinion', price })
    expect(made.status).toBe(201)
    expect(made.body).toEqual({ id: made.body.id, name: 'Second opinion', price, ...DEFAULTS })
    expect(made.headers.get('etag')).toBe('"1"')
    expect(made.headers.get('location')).toBe(`${path}/${made.body.id}`)
    const read = await t.anonymous.get(made.headers.get('location')!)
    expect(read.body).toEqual(made.body)
    expect(read.headers.get('etag')).toBe('"1"')
    const audit = await t
      .auditEvents()
      .select(['kind', 'action', 'actorId'])
      .where('targetId', '=', made.body.id)
      .execute()
    expect(audit).toEqual([{ kind: 'visit_type.create', action: 'C', actorId: doctor.actor.userId }])
  })

  test('the slot interval of a visit type is its duration by default, and a partial policy is completed', async () => {
    const doctor = await newDoctor()
    const post = (body: object) =>
      t.as(doctor.actor).post(`/doctors/${doctor.id}/visit-types`, { name: 'Long', price, ...body })
    expect((await post({ durationMinutes: 50 })).body.slotIntervalMinutes).toBe(50)
    expect((await post({ durationMinutes: 50, slotIntervalMinutes: 15 })).body.slotIntervalMinutes).toBe(15)
    expect((await post({ cancellationPolicy: { lateRefundPercent: 50 } })).body.cancellationPolicy).toEqual({
      freeUntilMinutes: 1440,
      lateRefundPercent: 50,
    })
  })

  test('the price of a visit type is in the currency of one of the doctor’s clinics', async () => {
    const doctor = await newDoctor()
    const path = `/doctors/${doctor.id}/visit-types`
    const euros = { amount: 9000, currency: 'EUR' }
    const refused = { status: 422, body: { errors: [{ path: 'price.currency' }] } }
    expect(await t.as(doctor.actor).post(path, { name: 'Visit', price: euros })).toMatchObject(refused)
    expect(await t.as(doctor.actor).patch(`${path}/${doctor.visitTypeId}`, { price: euros })).toMatchObject(refused)
    const berlin = await t.newClinic({ timeZone: 'Europe/Berlin', currency: 'EUR' })
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: berlin.id }).execute()
    expect((await t.as(doctor.actor).post(path, { name: 'Visit', price: euros })).status).toBe(201)
    await t.db.deleteFrom('doctorClinics').where('doctorId', '=', doctor.id).execute()
    const yen = { amount: 9000, currency: 'JPY' }
    expect((await t.as(doctor.actor).post(path, { name: 'Visit', price: yen })).status).toBe(201)
  })

  test('changing a visit type keeps the fields that are left out', async () => {
    const doctor = await newDoctor()
    const path = `/doctors/${doctor.id}/visit-types/${doctor.visitTypeId}`
    const before = await t.anonymous.get(path)
    const changes = { durationMinutes: 45, price, cancellationPolicy: { freeUntilMinutes: 60 } }
    const changed = await t.as(doctor.actor).patch(path, changes, { headers: { 'if-match': '"1"' } })
    expect(changed.status).toBe(200)
    expect(changed.body).toEqual({
      ...before.body,
      durationMinutes: 45,
      price,
      cancellationPolicy: { freeUntilMinutes: 60, lateRefundPercent: 0 },
    })
    expect(changed.headers.get('etag')).toBe('"2"')
    const stale = await t.as(doctor.actor).patch(path, { name: 'Late' }, { headers: { 'if-match': '"1"' } })
    expect(stale).toMatchObject({ status: 412, body: { code: 'version_mismatch' } })
    expect((await t.as(doctor.actor).patch(path, {})).body).toEqual(changed.body)
  })

  test('only the doctor and admins see an inactive visit type', async () => {
    const doctor = await newDoctor()
    const path = `/doctors/${doctor.id}/visit-types`
    await t.as(doctor.actor).patch(`${path}/${doctor.visitTypeId}`, { active: false })
    for (const client of [t.anonymous, t.as(patient.actor), t.as((await newDoctor()).actor)]) {
      expect((await client.get(path)).body).toEqual({ data: [], nextCursor: null })
      expect((await client.get(`${path}/${doctor.visitTypeId}`)).status).toBe(404)
    }
    for (const client of [t.as(doctor.actor), t.as(admin)]) {
      expect((await client.get(path)).body.data).toMatchObject([{ id: doctor.visitTypeId, active: false }])
      expect((await client.get(`${path}/${doctor.visitTypeId}`)).status).toBe(200)
    }
    expect((await t.anonymous.get(`/doctors/${doctor.id}`)).body.visitTypes).toEqual([])
  })

  test('pages of visit types run newest first without gaps or repeats', async () => {
    const doctor = await newDoctor()
    const path = `/doctors/${doctor.id}/visit-types`
    const made = [doctor.visitTypeId]
    for (const name of ['B', 'C', 'D']) made.unshift((await t.as(admin).post(path, { name, price })).body.id)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await t.anonymous.get(path, { query: { limit: 2, ...(cursor && { cursor }) } })
      seen.push(...page.body.data.map(({ id }: { id: string }) => id))
      cursor = page.body.nextCursor
    } while (cursor)
    expect(seen).toEqual(made)
  })

  test('a doctor has at most 50 active visit types, also under concurrent requests', async () => {
    const doctor = await newDoctor()
    const path = `/doctors/${doctor.id}/visit-types`
    const row = {
      doctorId: doctor.id,
      durationMinutes: 30,
      slotIntervalMinutes: 30,
      priceAmount: 0,
      priceCurrency: 'USD',
    }
    await t.db
      .insertInto('visitTypes')
      .values(Array.from({ length: 48 }, (_, i) => ({ ...row, id: newId(), name: `Type ${i}` })))
      .execute()
    const answers = await Promise.all([1, 2, 3].map(() => t.as(doctor.actor).post(path, { name: 'One more', price })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409])
    const spare = await t.as(doctor.actor).post(path, { name: 'Spare', price, active: false })
    expect(spare.status).toBe(201)
    const activated = await t.as(doctor.actor).patch(`${path}/${spare.body.id}`, { active: true })
    expect(activated).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('only the doctor and admins change visit types, and another doctor gets 404', async () => {
    const [doctor, other] = [await newDoctor(), await newDoctor()]
    const path = `/doctors/${doctor.id}/visit-types`
    const body = { name: 'Visit', price }
    expect((await t.anonymous.post(path, body)).status).toBe(401)
    expect((await t.as(patient.actor).post(path, body)).status).toBe(403)
    expect((await t.as(other.actor).post(path, body)).status).toBe(404)
    expect((await t.as(admin).post(path, body)).status).toBe(201)
    expect((await t.as(admin).post(`/doctors/${newId()}/visit-types`, body)).status).toBe(404)
    expect((await t.as(other.actor).patch(`${path}/${doctor.visitTypeId}`, { name: 'X' })).status).toBe(404)
    expect((await t.as(patient.actor).patch(`${path}/${doctor.visitTypeId}`, { name: 'X' })).status).toBe(403)
    expect((await t.as(admin).patch(`${path}/${other.visitTypeId}`, { name: 'X' })).status).toBe(404)
    expect((await t.as(admin).patch(`${path}/${newId()}`, { name: 'X' })).status).toBe(404)
  })

  test('refuses a visit type with values out of bounds and names the field', async () => {
    const doctor = await newDoctor()
    const bad: [string, object][] = [
      ['durationMinutes', { durationMinutes: 4 }],
      ['slotIntervalMinutes', { slotIntervalMinutes: 1441 }],
      ['bufferAfterMinutes', { bufferAfterMinutes: -1 }],
      ['mode', { mode: 'by_post' }],
      ['price.amount', { price: { amount: 1.5, currency: 'USD' } }],
      ['price.currency', { price: { amount: 1, currency: 'ZZZ' } }],
      ['horizonDays', { horizonDays: 0 }],
      ['cancellationPolicy.lateRefundPercent', { cancellationPolicy: { lateRefundPercent: 101 } }],
      ['colour', { colour: 'red' }],
    ]
    for (const [path, fields] of bad) {
      const body = { name: 'Visit', price, ...fields }
      const answer = await t.as(doctor.actor).post(`/doctors/${doctor.id}/visit-types`, body)
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } })
    }
  })
})
