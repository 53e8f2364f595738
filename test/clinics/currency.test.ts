import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = t.as(await t.newAdmin())
const TEN = '2026-01-06T15:00:00Z'
const EUROS = { amount: 8000, currency: 'EUR' }

type Doctor = Awaited<ReturnType<typeof t.newDoctor>>
const join = (doctor: Doctor, ...clinics: { id: string }[]) =>
  admin.put(`/doctors/${doctor.id}/verify`, { clinicIds: clinics.map(({ id }) => id) })
const toEuros = (clinic: { id: string }, rest: object = {}) =>
  admin.patch(`/clinics/${clinic.id}`, { currency: 'EUR', ...rest })
const book = async (doctor: Doctor, rest: object = {}) =>
  t.as((await t.newPatient()).actor).post('/appointments', { doctorId: doctor.id, startsAt: TEN, ...rest })
const visitTypesOf = (doctor: Doctor) => `/doctors/${doctor.id}/visit-types`
const slotsOf = async (doctor: Doctor, query: Record<string, string> = {}) =>
  (await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query })).body.data

const named = (doctor: Doctor) => [{ id: doctor.visitTypeId, doctorId: doctor.id, name: 'Consultation' }]

describe('the currency of prices and clinics', () => {
  test('a new currency of a clinic is refused and names the priced visit types that could not be booked any more', async () => {
    const [clinic, dollars] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const elsewhere = await t.newDoctor({ clinicId: clinic.id })
    await join(elsewhere, clinic, dollars)
    await t.newDoctor({ clinicId: clinic.id, visitType: { priceAmount: 0 } })
    await t.newDoctor({ clinicId: clinic.id, visitType: { active: false } })
    const refused = await toEuros(clinic)
    expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state', visitTypes: named(doctor) } })
    expect((await t.anonymous.get(`/clinics/${clinic.id}`)).body.currency).toBe('USD')
    expect((await book(doctor)).status).toBe(201)
  })

  test('a new currency can switch off the visit types in the old one, and booked visits keep their price', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    const visit = { doctorId: doctor.id, startsAt: TEN }
    const booked = await t.as(patient.actor).post('/appointments', visit)
    expect((await slotsOf(doctor)).length).toBeGreaterThan(0)
    expect((await toEuros(clinic, { deactivateVisitTypes: true })).status).toBe(200)
    expect(await slotsOf(doctor)).toEqual([])
    expect((await book(doctor, { startsAt: '2026-01-06T16:00:00Z' })).status).toBe(404)
    const moved = await t
      .as(patient.actor)
      .put(`/appointments/${booked.body.id}/reschedule`, { startsAt: '2026-01-07T15:00:00Z' })
    expect(moved).toMatchObject({ status: 200, body: { price: { amount: 9500, currency: 'USD' } } })
    const path = `${visitTypesOf(doctor)}/${doctor.visitTypeId}`
    expect((await admin.patch(path, { active: true })).body.errors).toMatchObject([{ path: 'price.currency' }])
    expect((await admin.patch(path, { active: true, price: EUROS })).status).toBe(200)
    expect((await book(doctor, { startsAt: '2026-01-06T16:00:00Z' })).body.price).toEqual(EUROS)
  })

  test('a visit type is offered and bookable only at clinics in the currency of its price, and a free one everywhere', async () => {
    const [dollars, euros] = [await t.newClinic(), await t.newClinic({ currency: 'EUR' })]
    for (const priceAmount of [9500, 0]) {
      const doctor = await t.newDoctor({ clinicId: dollars.id, visitType: { priceAmount } })
      await join(doctor, dollars, euros)
      const weekly = [{ weekday: 3, start: '09:00', end: '17:00' }]
      await admin.post('/doctors/availability', { doctorId: doctor.id, clinicId: euros.id, weekly })
      const offered = await slotsOf(doctor, { clinicId: euros.id })
      const answer = await book(doctor, { clinicId: euros.id, startsAt: '2026-01-07T15:00:00Z' })
      expect([offered.length > 0, answer.status]).toEqual(priceAmount === 0 ? [true, 201] : [false, 409])
      if (priceAmount > 0) expect(answer.body.code).toBe('not_bookable')
    }
  })

  test('a doctor joins no clinics where a priced visit type could not be booked', async () => {
    const [dollars, euros] = [await t.newClinic(), await t.newClinic({ currency: 'EUR' })]
    const doctor = await t.newDoctor({ clinicId: dollars.id })
    expect(await join(doctor, euros)).toMatchObject({ status: 409, body: { visitTypes: named(doctor) } })
    expect((await t.anonymous.get(`/doctors/${doctor.id}`)).body.clinics).toMatchObject([{ id: dollars.id }])
    expect((await join(doctor, euros, dollars)).status).toBe(200)
    expect((await join(doctor)).status).toBe(200)
  })

  test('however changes of currencies, clinics and visit types meet, no visit type is left without a clinic of its currency', async () => {
    for (let round = 0; round < 3; round++) {
      const [one, two] = [await t.newClinic(), await t.newClinic()]
      const doctor = await t.newDoctor({ clinicId: one.id })
      await join(doctor, one, two)
      await Promise.all([
        toEuros(one),
        toEuros(two),
        join(doctor, one),
        admin.post(visitTypesOf(doctor), { name: 'Euros', price: EUROS }),
      ])
      const { body } = await t.anonymous.get(`/doctors/${doctor.id}`)
      const clinics = await t.db
        .selectFrom('clinics')
        .select(['id', 'currency'])
        .where('id', 'in', [one.id, two.id])
        .execute()
      const ids = body.clinics.map(({ id }: { id: string }) => id)
      const currencies = clinics.filter(({ id }) => ids.includes(id)).map(({ currency }) => currency)
      for (const { price } of body.visitTypes) expect(currencies).toContain(price.currency)
    }
  })
})
