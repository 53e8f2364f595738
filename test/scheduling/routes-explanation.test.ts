import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const at = (time: string, day = '2026-01-06') => new Date(`${day}T${time}:00-05:00`).toISOString()
type Rule = { rule: string; pass: boolean; detail: string }
type Doctor = Awaited<ReturnType<typeof t.newDoctor>>

const explain = (doctor: Doctor, startsAt: string, query: Record<string, string> = {}, actor = admin) =>
  t.as(actor).get(`/doctors/${doctor.id}/slots/explanation`, { query: { startsAt, ...query } })
const failing = async (doctor: Doctor, startsAt: string) => {
  const { status, body } = await explain(doctor, startsAt)
  expect(status).toBe(200)
  const broken: Rule[] = body.rules.filter(({ pass }: Rule) => !pass)
  expect(body.bookable).toBe(broken.length === 0)
  return broken.map(({ rule, detail }) => `${rule}: ${detail}`)
}

describe('slot explanation', () => {
  test('the slot explanation lists every rule with its verdict, and all pass for a bookable start', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const { body } = await explain(doctor, at('10:00'))
    expect(body).toMatchObject({ bookable: true })
    expect(body.rules.map(({ rule, pass }: Rule) => [rule, pass])).toEqual(
      [
        ...['verified', 'future', 'hours', 'grid', 'closure'],
        ...['time_off', 'minimum_notice', 'horizon', 'doctor_free'],
      ].map((rule) => [rule, true]),
    )
  })

  test('the slot explanation describes each broken rule in words', async () => {
    const doctor = await t.newDoctor({
      clinicId: clinic.id,
      visitType: { minimumNoticeMinutes: 1440, bufferAfterMinutes: 15, bufferBeforeMinutes: 0, slotIntervalMinutes: 5 },
    })
    for (const time of ['14:00', '10:00'])
      await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: at(time, '2026-01-07') })
    expect(await failing(doctor, at('07:00', '2026-01-05'))).toEqual([
      'future: does not start in the future',
      "hours: outside the doctor's hours: 09:00–17:00",
      'minimum_notice: inside minimum notice of 1440 min',
    ])
    expect(await failing(doctor, at('10:30', '2026-01-07'))).toEqual([
      'doctor_free: inside the buffer of the 10:00 booking',
    ])
    expect(await failing(doctor, at('10:15', '2026-01-07'))).toEqual(['doctor_free: overlaps the 10:00 booking'])
    expect(await failing(doctor, at('09:20', '2026-01-07'))).toEqual([
      'doctor_free: its own buffer would run into the 10:00 booking',
    ])
    expect(await failing(doctor, at('10:48', '2026-01-07'))).toEqual([
      'grid: does not lie on the steps of 5 min from 09:00',
    ])
    expect(await failing(doctor, at('10:00', '2026-04-07'))).toEqual(['horizon: more than 90 days ahead'])
  })

  test('the slot explanation reports a missing room and an unverified doctor', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: { requiresRoom: true }, verified: false })
    expect(await failing(doctor, at('10:00'))).toEqual([
      'verified: the doctor is not verified yet',
      'room_free: no room of the clinic is free',
    ])
  })

  test('the slot explanation agrees with the search for every start of a day', async () => {
    const doctor = await t.newDoctor({
      clinicId: clinic.id,
      visitType: { durationMinutes: 40, slotIntervalMinutes: 25 },
    })
    await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: at('11:05') })
    const query = { from: '2026-01-06', to: '2026-01-06' }
    const { body } = await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query })
    const offered = body.data.map(({ startsAt }: { startsAt: string }) => startsAt)
    const probes = Array.from({ length: 40 }, (_, i) =>
      new Date(Date.parse(at('08:50')) + i * 15 * 60_000).toISOString(),
    )
    const bookable: string[] = []
    for (const probe of [...probes, ...offered])
      if ((await explain(doctor, probe)).body.bookable) bookable.push(probe.replace('.000', ''))
    expect(new Set(bookable)).toEqual(new Set(offered))
  })

  test('the slot explanation needs a clinic when several have hours at that time, and accepts a foreign clinic', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const other = await t.newClinic()
    expect((await explain(doctor, at('10:00'), { clinicId: other.id })).body).toMatchObject({
      bookable: false,
      rules: [{ rule: 'verified' }, { rule: 'hours', detail: 'the doctor does not work at this clinic' }],
    })
    const scheduleId = crypto.randomUUID()
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: other.id }).execute()
    await t.db.insertInto('schedules').values({ id: scheduleId, doctorId: doctor.id, clinicId: other.id }).execute()
    await t.db
      .insertInto('scheduleWindows')
      .values({ scheduleId, weekday: 2, startTime: '10:00', endTime: '11:00' })
      .execute()
    expect(await explain(doctor, at('10:00'))).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'query.clinicId' }] },
    })
    expect((await explain(doctor, at('10:00'), { clinicId: other.id })).body).toMatchObject({ bookable: true })
  })

  test('only the doctor and admins can read a slot explanation; other doctors and their visit types are a 404', async () => {
    const [doctor, colleague] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
    const { actor } = await t.newPatient()
    expect(await explain(doctor, at('10:00'), {}, actor)).toMatchObject({ status: 403 })
    expect(await explain(doctor, at('10:00'), {}, colleague.actor)).toMatchObject({ status: 404 })
    expect(await explain(doctor, at('10:00'), {}, doctor.actor)).toMatchObject({ status: 200 })
    expect(await explain({ ...doctor, id: crypto.randomUUID() }, at('10:00'))).toMatchObject({ status: 404 })
    const foreign = { visitTypeId: colleague.visitTypeId }
    expect(await explain(doctor, at('10:00'), foreign)).toMatchObject({ status: 404 })
    expect(await explain(doctor, 'soon')).toMatchObject({ status: 422, body: { errors: [{ path: 'query.startsAt' }] } })
  })
})
