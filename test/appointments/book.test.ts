import { describe, expect, test } from 'bun:test'
import { addDays } from '../../src/scheduling/local-time'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const MONDAY = '2026-01-05'

/** An instant by New York's clock in January. */
const est = (time: string, day = MONDAY) => `${day}T${time}:00-05:00`
const storedAppointments = (doctorId: string) =>
  t.db.selectFrom('appointments').selectAll().where('doctorId', '=', doctorId).orderBy('id').execute()

describe('booking', () => {
  test('a patient books an appointment: answer, stored row, occupancy and audit event agree', async () => {
    const visitType = { bufferBeforeMinutes: 5, bufferAfterMinutes: 10, cancellationFreeUntilMinutes: 120 }
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType })
    const patient = await t.newPatient()
    const booked = await t
      .as(patient.actor)
      .post('/appointments', { doctorId: doctor.id, startsAt: est('10:00'), reason: ' Chest pain ' })

    expect(booked.status).toBe(201)
    expect(booked.headers.get('etag')).toBe('"1"')
    expect(booked.headers.get('location')).toBe(`/appointments/${booked.body.id}`)
    expect(booked.body).toMatchObject({
      status: 'booked',
      patient: { id: patient.id, name: patient.name },
      doctor: { id: doctor.id, name: doctor.name, specialization: 'Cardiology' },
      clinic: { id: clinic.id, timeZone: 'America/New_York' },
      visitType: { id: doctor.visitTypeId, name: 'Consultation', mode: 'in_person' },
      startsAt: '2026-01-05T15:00:00Z',
      endsAt: '2026-01-05T15:30:00Z',
      localStart: '2026-01-05T10:00:00-05:00',
      price: { amount: 9500, currency: 'USD' },
      cancellationPolicy: { freeUntilMinutes: 120, lateRefundPercent: 0 },
      reason: 'Chest pain',
      payment: null,
      createdAt: '2026-01-05T12:00:00Z',
      version: 1,
    })
    const read = await t.as(patient.actor).get(booked.headers.get('location')!)
    expect(read.body).toEqual(booked.body)

    expect(await storedAppointments(doctor.id)).toMatchObject([
      {
        id: booked.body.id,
        date: MONDAY,
        timeZone: 'America/New_York',
        createdBy: patient.actor.userId,
        createdByRole: 'patient',
        priceAmount: 9500,
        bufferBeforeMinutes: 5,
        bufferAfterMinutes: 10,
        calendarSequence: 0,
      },
    ])
    const taken = await t.db
      .selectFrom('occupancy')
      .select(['kind', 'resourceId', 'during', 'expiresAt'])
      .where('appointmentId', '=', booked.body.id)
      .orderBy('kind')
      .execute()
    expect(taken).toEqual([
      {
        kind: 'doctor',
        resourceId: doctor.id,
        during: '["2026-01-05 14:55:00+00","2026-01-05 15:40:00+00")',
        expiresAt: null,
      },
      {
        kind: 'patient',
        resourceId: patient.id,
        during: '["2026-01-05 15:00:00+00","2026-01-05 15:30:00+00")',
        expiresAt: null,
      },
    ])
    const audit = await t.auditEvents().selectAll().where('targetId', '=', booked.body.id).execute()
    expect(audit).toMatchObject([
      { kind: 'appointment.book', action: 'C', outcome: 'success', patientIds: [patient.id] },
      { kind: 'appointment.read', action: 'R', outcome: 'success', patientIds: [patient.id] },
    ])
  })

  test('an appointment keeps its terms when the visit type or the clinic changes later', async () => {
    const moving = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: moving.id })
    const patient = await t.newPatient()
    const body = { doctorId: doctor.id, startsAt: est('10:00') }
    const booked = await t.as(patient.actor).post('/appointments', body)
    const terms = { priceAmount: 1, durationMinutes: 60, mode: 'telehealth' as const, cancellationFreeUntilMinutes: 1 }
    await t.db.updateTable('visitTypes').set(terms).where('id', '=', doctor.visitTypeId).execute()
    await t.as(admin).patch(`/clinics/${moving.id}`, { timeZone: 'Asia/Tokyo' })
    expect((await t.as(patient.actor).get(`/appointments/${booked.body.id}`)).body).toEqual(booked.body)
  })

  test('refuses a booked slot and offers the nearest slots that this patient can book', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const [first, second] = [await t.newPatient(), await t.newPatient()]
    await t.newAppointment({ patient: second, doctor, startsAt: est('09:30') })
    await t.as(first.actor).post('/appointments', { doctorId: doctor.id, startsAt: est('10:00') })
    const refused = await t.as(second.actor).post('/appointments', { doctorId: doctor.id, startsAt: est('10:00') })
    expect(refused).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    const alternatives: { localStart: string; doctorId: string; startsAt: string }[] = refused.body.alternatives
    expect(alternatives.map(({ localStart }) => localStart.slice(11, 16))).toEqual([
      '10:30',
      '09:00',
      '11:00',
      '11:30',
      '12:00',
    ])
    for (const { doctorId, startsAt } of alternatives)
      expect(await t.as(second.actor).post('/appointments', { doctorId, startsAt })).toMatchObject({ status: 201 })
  })

  test('offers slots of the same doctor first, then of colleagues in the same clinic, then of other clinics', async () => {
    const specialization = 'Rare Medicine'
    const oneHour = [{ weekday: 1, start: '10:00', end: '11:00' }]
    const [here, elsewhere] = [await t.newClinic(), await t.newClinic()]
    const visitType = { horizonDays: 1 }
    const at = (clinicId: string, more = {}) =>
      t.newDoctor({ clinicId, specialization, weekly: oneHour, visitType, ...more })
    const doctor = await at(here.id)
    const [far, near] = [await at(elsewhere.id), await at(here.id)]
    await at(here.id, { verified: false })
    const [first, second] = [await t.newPatient(), await t.newPatient()]
    await t.newAppointment({ patient: first, doctor, startsAt: est('10:00') })
    const refused = await t.as(second.actor).post('/appointments', { doctorId: doctor.id, startsAt: est('10:00') })
    const found = refused.body.alternatives.map(({ doctorId, localStart }: Record<string, string>) => [
      doctorId,
      localStart!.slice(11, 16),
    ])
    expect(found).toEqual([
      [doctor.id, '10:30'],
      [near.id, '10:00'],
      [near.id, '10:30'],
      [far.id, '10:00'],
      [far.id, '10:30'],
    ])
    for (const { doctorId, clinicId, visitTypeId, startsAt } of refused.body.alternatives) {
      const other = await t.newPatient()
      const body = { doctorId, clinicId, visitTypeId, startsAt }
      expect(await t.as(other.actor).post('/appointments', body)).toMatchObject({ status: 201 })
    }
  })

  test('offers slots of a colleague in the same clinic even if other clinics have many more doctors', async () => {
    const specialization = 'Crowded Medicine'
    const [here, elsewhere] = [await t.newClinic(), await t.newClinic()]
    const briefly = {
      specialization,
      weekly: [{ weekday: 1, start: '10:00', end: '10:30' }],
      visitType: { horizonDays: 1 },
    }
    const doctor = await t.newDoctor({ clinicId: here.id, ...briefly })
    for (let i = 0; i < 20; i++) await t.newDoctor({ clinicId: elsewhere.id, ...briefly })
    const near = await t.newDoctor({ clinicId: here.id, ...briefly })
    await t.db.updateTable('doctors').set({ name: 'Zoe' }).where('id', '=', near.id).execute()
    await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: est('10:00') })
    const { actor } = await t.newPatient()
    const refused = await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: est('10:00') })
    expect(refused.body.alternatives).toHaveLength(5)
    expect(refused.body.alternatives[0]).toMatchObject({ doctorId: near.id, clinicId: here.id })
  })

  test('answers patient_busy if only the patient is busy, and slot_taken if the doctor is busy too', async () => {
    const [doctor, other] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
    const [patient, stranger] = [await t.newPatient(), await t.newPatient()]
    await t.newAppointment({ patient, doctor: other, startsAt: est('10:00') })
    const body = { doctorId: doctor.id, startsAt: est('10:00') }
    const busy = await t.as(patient.actor).post('/appointments', body)
    expect(busy).toMatchObject({ status: 409, body: { code: 'patient_busy' } })
    expect(busy.body.alternatives).toHaveLength(5)
    for (const { startsAt } of busy.body.alternatives) expect(startsAt).not.toBe('2026-01-05T15:00:00Z')
    await t.newAppointment({ patient: stranger, doctor, startsAt: est('10:00') })
    expect(await t.as(patient.actor).post('/appointments', body)).toMatchObject({
      status: 409,
      body: { code: 'slot_taken' },
    })
  })

  test('the buffers of two neighbouring appointments may touch but not overlap', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: { slotIntervalMinutes: 5 } })
    const buffered = { bufferBeforeMinutes: 5, bufferAfterMinutes: 10 }
    await t.db.updateTable('visitTypes').set(buffered).where('id', '=', doctor.visitTypeId).execute()
    const book = async (time: string) => {
      const { actor } = await t.newPatient()
      const { status } = await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: est(time) })
      return status
    }
    expect(await book('10:00')).toBe(201)
    expect(await book('10:40')).toBe(409)
    expect(await book('10:45')).toBe(201)
    expect(await book('09:20')).toBe(409)
    expect(await book('09:15')).toBe(201)
  })

  test.each([
    ['outside the hours', { startsAt: est('17:00') }, {}, 'hours'],
    ['off the grid', { startsAt: est('10:10') }, {}, 'grid'],
    ['a millisecond off the grid', { startsAt: '2026-01-05T15:00:00.001Z' }, {}, 'grid'],
    ['inside the minimum notice', { startsAt: est('10:00') }, { minimumNoticeMinutes: 300 }, 'minimum_notice'],
    ['beyond the horizon', { startsAt: est('10:00', '2026-01-07') }, { horizonDays: 1 }, 'horizon'],
    [
      'at a clinic where the doctor does not work',
      { startsAt: est('10:00'), clinicId: crypto.randomUUID() },
      {},
      'hours',
    ],
  ])('refuses a time %s and names the rule that forbids it', async (_title, wanted, visitType, rule) => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType })
    const { actor } = await t.newPatient()
    const refused = await t.as(actor).post('/appointments', { doctorId: doctor.id, ...wanted })
    expect(refused).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    const broken = refused.body.rules.filter(({ pass }: { pass: boolean }) => !pass)
    expect(broken.map(({ rule }: { rule: string }) => rule)).toEqual([rule])
    expect(await storedAppointments(doctor.id)).toEqual([])
  })

  test('refuses a booking during a closure or time off', async () => {
    const closing = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: closing.id })
    const [closed, off] = [addDays(MONDAY, 1), addDays(MONDAY, 2)]
    await t.db
      .insertInto('clinicClosures')
      .values({ id: crypto.randomUUID(), clinicId: closing.id, startsOn: closed, endsOn: closed, reason: null })
      .execute()
    await t.db
      .insertInto('availabilityExceptions')
      .values({
        id: crypto.randomUUID(),
        doctorId: doctor.id,
        clinicId: closing.id,
        startsAt: new Date(est('00:00', off)),
        endsAt: new Date(est('12:00', off)),
        kind: 'off',
        note: null,
        createdAt: t.clock.now(),
      })
      .execute()
    const { actor } = await t.newPatient()
    const book = (startsAt: string) => t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt })
    expect(await book(est('10:00', closed))).toMatchObject({ body: { code: 'not_bookable' } })
    expect(await book(est('10:00', off))).toMatchObject({ body: { code: 'not_bookable' } })
    expect(await book(est('12:00', off))).toMatchObject({ status: 201 })
  })

  test('a booking must name the clinic only if the doctor has hours at several clinics at that time', async () => {
    const [a, b] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: a.id, weekly: [{ weekday: 1, start: '09:00', end: '12:00' }] })
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: b.id }).execute()
    const scheduleId = crypto.randomUUID()
    await t.db.insertInto('schedules').values({ id: scheduleId, doctorId: doctor.id, clinicId: b.id }).execute()
    await t.db
      .insertInto('scheduleWindows')
      .values({ scheduleId, weekday: 1, startTime: '11:00', endTime: '15:00' })
      .execute()
    const { actor } = await t.newPatient()
    const book = (time: string, clinicId?: string) =>
      t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: est(time), clinicId })
    expect(await book('10:00')).toMatchObject({ status: 201, body: { clinic: { id: a.id } } })
    expect(await book('13:00')).toMatchObject({ status: 201, body: { clinic: { id: b.id } } })
    expect(await book('11:00')).toMatchObject({ status: 422, body: { errors: [{ path: 'clinicId' }] } })
    expect(await book('11:00', b.id)).toMatchObject({ status: 201, body: { clinic: { id: b.id } } })
    expect(await book('11:30', a.id)).toMatchObject({ status: 201, body: { clinic: { id: a.id } } })
    expect(await book('16:00')).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
  })

  test.each([
    ['that starts now', { startsAt: '2026-01-05T12:00:00Z' }, 'startsAt'],
    ['whose start has no UTC offset', { startsAt: '2026-01-05T15:00:00' }, 'startsAt'],
    ['with an empty reason', { reason: '  ' }, 'reason'],
  ])('refuses a booking %s and names the field', async (_title, wrong, path) => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const { actor } = await t.newPatient()
    const body = { doctorId: doctor.id, startsAt: est('10:00'), ...wrong }
    expect(await t.as(actor).post('/appointments', body)).toMatchObject({ status: 422, body: { errors: [{ path }] } })
  })

  test('answers 404 for an unknown or unverified doctor and for a visit type that is inactive or another doctor’s', async () => {
    const { actor } = await t.newPatient()
    const book = (body: object) => t.as(actor).post('/appointments', { startsAt: est('10:00'), ...body })
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const unverified = await t.newDoctor({ clinicId: clinic.id, verified: false })
    const retired = await t.newDoctor({ clinicId: clinic.id, visitType: { active: false } })
    for (const body of [
      { doctorId: crypto.randomUUID() },
      { doctorId: unverified.id },
      { doctorId: doctor.id, visitTypeId: retired.visitTypeId },
      { doctorId: retired.id, visitTypeId: retired.visitTypeId },
      { doctorId: retired.id },
    ])
      expect(await book(body)).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })
})
