import { describe, expect, test } from 'bun:test'
import { createWaitlistApp, MINUTE, TEN } from '../waitlist/waitlist-app'

const t = await createWaitlistApp()
const admin = await t.newAdmin()
const at11 = '2026-01-06T16:00:00Z'
const at12 = '2026-01-06T17:00:00Z'

type Doctor = Awaited<ReturnType<typeof t.newDoctor>>
const setStatus = (doctor: Doctor, status: 'active' | 'disabled') =>
  t.as(admin).patch(`/users/${doctor.actor.userId}`, { status })
const disable = (doctor: Doctor) => setStatus(doctor, 'disabled')

let serial = 0
/** A doctor with a specialization of their own, whose account was disabled after everything had been cached. */
async function newDisabledDoctor() {
  const specialization = `Speciality ${++serial}`
  const doctor = await t.newCardiologist(specialization)
  expect((await t.anonymous.get(`/doctors/${doctor.id}/slots`)).body.data).not.toEqual([])
  expect((await disable(doctor)).status).toBe(200)
  return { doctor, specialization }
}
const idsOf = (body: { data: { id?: string; doctorId?: string }[] }) =>
  body.data.map(({ id, doctorId }) => doctorId ?? id)

describe('a doctor whose account is disabled', () => {
  test('a disabled doctor is neither listed nor searched nor counted, for admins and with verification off too', async () => {
    const { doctor, specialization } = await newDisabledDoctor()
    const pending = await t.newDoctor({ clinicId: t.clinic.id, verified: false, specialization })
    await disable(pending)
    for (const doctorVerification of [true, false]) {
      const { config } = t.deps
      Object.assign(t.deps, { config: { ...config, doctorVerification } })
      const lists = [
        await t.anonymous.get('/doctors', { query: { specialization } }),
        await t.anonymous.get('/doctors', { query: { q: doctor.name, include: 'nextSlot' } }),
        await t.as(admin).get('/doctors', { query: { specialization } }),
        await t.as(admin).get('/doctors', { query: { specialization, status: 'pending' } }),
        await t.anonymous.get('/slots', { query: { specialization } }),
      ]
      expect(lists.map(({ status, body }) => [status, idsOf(body)])).toEqual(lists.map(() => [200, []]))
      const { body } = await t.anonymous.get('/specializations')
      expect(body.map(({ name }: { name: string }) => name)).not.toContain(specialization)
      const bySlot = await t.anonymous.get('/slots', { query: { clinicId: t.clinic.id, limit: 100 } })
      expect(idsOf(bySlot.body)).not.toContain(doctor.id)
      Object.assign(t.deps, { config })
    }
  })

  test('a disabled doctor does not exist for patients and strangers on any route, and admins still read them', async () => {
    const { doctor } = await newDisabledDoctor()
    const { actor } = await t.newPatient()
    const path = `/doctors/${doctor.id}`
    for (const client of [t.anonymous, t.as(actor)]) {
      for (const read of [path, `${path}/slots`, `${path}/visit-types`, `${path}/visit-types/${doctor.visitTypeId}`])
        expect([read, (await client.get(read)).status]).toEqual([read, 404])
    }
    expect((await t.as(actor).get(`${path}/availability`)).status).toBe(404)
    expect((await t.as(actor).post('/waitlist', { ...t.days, doctorId: doctor.id })).status).toBe(404)
    for (const read of [path, `${path}/visit-types`, `${path}/availability`])
      expect([read, (await t.as(admin).get(read)).status]).toEqual([read, 200])
    expect((await t.as(admin).get(`${path}/slots`)).status).toBe(404)
  })

  test('nothing can be booked with a disabled doctor: no visit, hold or series, by nobody, and the explanation says why', async () => {
    const { doctor, specialization } = await newDisabledDoctor()
    const patient = await t.newPatient()
    const visit = { doctorId: doctor.id, startsAt: TEN }
    const series = { ...visit, every: { weeks: 1 }, count: 2, mode: 'all_or_nothing' }
    const byAdmin = { ...visit, patientId: patient.id, override: ['hours'], reason: 'Urgent' }
    const answers = [
      await t.as(patient.actor).post('/appointments', visit),
      await t.as(patient.actor).post('/appointments', { ...visit, hold: true }),
      await t.as(patient.actor).post('/appointments/series', series),
      await t.as(admin).post('/appointments', byAdmin),
      await t.as(admin).post('/waitlist', { ...t.days, doctorId: doctor.id, patientId: patient.id }),
    ]
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(answers.map(() => [404, 'not_found']))
    const wish = { ...t.days, specialization, patientId: patient.id }
    expect((await t.as(admin).post('/waitlist', wish)).body.errors).toMatchObject([{ path: 'specialization' }])
    const query = { startsAt: TEN }
    const { body } = await t.as(admin).get(`/doctors/${doctor.id}/slots/explanation`, { query })
    expect(body.bookable).toBe(false)
    expect(body.rules.filter(({ pass }: { pass: boolean }) => !pass)).toEqual([
      { rule: 'verified', pass: false, detail: "the doctor's account is disabled" },
    ])
  })

  test('a disabled doctor is no alternative to a taken time of a colleague', async () => {
    const { specialization } = await newDisabledDoctor()
    const busy = await t.newDoctor({ clinicId: t.clinic.id, specialization, visitType: { horizonDays: 1 } })
    const colleague = await t.newCardiologist(specialization)
    for (
      let start = Date.parse('2026-01-05T14:00:00Z');
      start < Date.parse('2026-01-06T22:00:00Z');
      start += 30 * MINUTE
    )
      await t.newAppointment({ patient: await t.newPatient(), doctor: busy, startsAt: new Date(start) })
    const refused = await t.as((await t.newPatient()).actor).post('/appointments', { doctorId: busy.id, startsAt: TEN })
    expect(refused).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    const offered = new Set(refused.body.alternatives.map(({ doctorId }: { doctorId: string }) => doctorId))
    expect([...offered]).toEqual([colleague.id])
  })

  test('the waiting list offers no time of a disabled doctor, and an open offer can no longer be accepted', async () => {
    const specialization = 'Neurology'
    const doctor = await t.newCardiologist(specialization)
    const [visitor, offered, waiting] = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
    const visit = await t.book(visitor, doctor, at11)
    const entry = await t.wait(offered, { doctorId: doctor.id })
    await t.free(doctor)
    await t.settle()
    expect((await t.entryOf(offered, entry)).status).toBe('offered')
    const later = await t.wait(waiting, { specialization })
    await disable(doctor)
    const accepted = await t.as(offered.actor).put(`/waitlist/${entry}/accept`)
    expect(accepted).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    await t.cancel(visitor, visit)
    expect((await t.as(offered.actor).put(`/waitlist/${entry}/decline`)).status).toBe(200)
    await t.settle()
    expect((await t.entryOf(waiting, later)).status).toBe('waiting')
  })

  test('visits of a disabled doctor can be cancelled without a late fee but not moved, and admins still change their status', async () => {
    const doctor = await t.newCardiologist()
    const patient = await t.newPatient()
    const [late, moved, attended] = [
      await t.book(patient, doctor),
      await t.book(patient, doctor, at11),
      await t.book(patient, doctor, at12),
    ]
    const held = await t
      .as(patient.actor)
      .post('/appointments', { doctorId: doctor.id, startsAt: '2026-01-06T18:00:00Z', hold: true })
    t.clock.set('2026-01-06T14:00:00Z')
    const quote = () => t.as(patient.actor).get(`/appointments/${late}/cancellation-quote`)
    expect((await quote()).body.policyShare.amount).toBe(0)
    await disable(doctor)
    expect((await quote()).body.policyShare.amount).toBe(9500)
    for (const actor of [patient.actor, admin]) {
      const answer = await t.as(actor).put(`/appointments/${moved}/reschedule`, { startsAt: '2026-01-07T15:00:00Z' })
      expect(answer).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    }
    t.clock.set('2026-01-05T12:00:00Z')
    const confirmed = await t.as(patient.actor).put(`/appointments/${held.body.id}/confirm`)
    expect(confirmed).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    t.clock.set('2026-01-06T14:00:00Z')
    expect((await t.cancel(patient, late)).status).toBe(200)
    t.clock.set(at12)
    expect((await t.as(admin).put(`/appointments/${attended}/check-in`)).body.status).toBe('checked_in')
    expect((await t.as(admin).put(`/appointments/${attended}/complete`)).body.status).toBe('completed')
    t.clock.set('2026-01-05T12:00:00Z')
  })

  test('disabling a doctor waits for a booking in progress and lists it with the other visits to come, at all clinics', async () => {
    const doctor = await t.newCardiologist()
    const other = await t.newClinic({ timeZone: 'Europe/Berlin' })
    const patient = await t.newPatient()
    const first = await t.book(patient, doctor)
    const away = await t.newAppointment({ patient, doctor: { ...doctor, clinicId: other.id }, startsAt: at12 })
    await t.newAppointment({ patient, doctor, startsAt: '2026-01-07T15:00:00Z', status: 'cancelled' })
    await t.newAppointment({
      patient: await t.newPatient(),
      doctor,
      startsAt: '2026-01-02T15:00:00Z',
      status: 'completed',
    })
    const { status, body } = await disable(doctor)
    expect(status).toBe(200)
    expect(body.affectedAppointments.map(({ id }: { id: string }) => id)).toEqual([first, away.id])
    expect(body).toMatchObject({ status: 'disabled', affectedTotal: 2 })
    const events = t.auditEvents().select('patientIds').where('targetId', '=', doctor.actor.userId)
    expect(await events.execute()).toEqual([{ patientIds: [patient.id] }])
    expect((await setStatus(doctor, 'active')).body).not.toHaveProperty('affectedAppointments')
    expect((await disable(await t.newCardiologist())).body).toMatchObject({
      affectedAppointments: [],
      affectedTotal: 0,
    })
  })

  test('every change of an account status renews the calendar version, and an enabled doctor is bookable again', async () => {
    const { doctor } = await newDisabledDoctor()
    const stored = () =>
      t.db
        .selectFrom('doctors')
        .select(['calendarVersion', 'disabled'])
        .where('id', '=', doctor.id)
        .executeTakeFirstOrThrow()
    const before = await stored()
    await t.db.updateTable('users').set({ status: 'active' }).where('id', '=', doctor.actor.userId).execute()
    const after = await stored()
    expect([before.disabled, after.disabled]).toEqual([true, false])
    expect(after.calendarVersion).not.toBe(before.calendarVersion)
    expect((await t.anonymous.get(`/doctors/${doctor.id}`)).status).toBe(200)
    await t.book(await t.newPatient(), doctor)
  })
})
