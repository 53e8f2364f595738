import { describe, expect, test } from 'bun:test'
import { offerFreedTime } from '../../src/waitlist/offer'
import { openCopy } from '../support/copies'
import { until } from '../support/until'
import { createWaitlistApp, MINUTE, TEN } from './waitlist-app'

const t = await createWaitlistApp()
const appointment = (id: string) =>
  t.db
    .selectFrom('appointments')
    .select(['status', 'patientId', 'doctorId', 'startsAt', 'holdExpiresAt', 'createdBy', 'visitTypeId'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

describe('a freed slot', () => {
  test('a freed slot is offered on its local day in a zone that only the runtime knows, and not PostgreSQL', async () => {
    const timeZone = 'Canada/East-Saskatchewan'
    const query = 'select 1 from pg_timezone_names where lower(name) = lower($1)'
    expect((await t.deps.postgres.pool.query(query, [timeZone])).rowCount).toBe(0)
    const clinic = await t.newClinic({ timeZone })
    const weekly = [{ weekday: 2, start: '20:00', end: '21:00' }]
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly })
    const [dayBefore, thatDay, dayAfter] = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
    const days: [typeof thatDay, string][] = [
      [dayBefore, '2026-01-05'],
      [dayAfter, '2026-01-07'],
      [thatDay, '2026-01-06'],
    ]
    const entries: Record<string, string> = {}
    for (const [patient, day] of days) entries[day] = await t.wait(patient, { doctorId: doctor.id, from: day, to: day })
    // Eight in the evening of the 6th there, the 7th in UTC.
    await t.free(doctor, '2026-01-07T02:00:00Z')
    await t.settle()
    const statuses = days.map(async ([patient, day]) => (await t.entryOf(patient, entries[day]!)).status)
    expect(await Promise.all(statuses)).toEqual(['waiting', 'waiting', 'offered'])
  })

  test('a freed slot is held for the first entry in line for the configured minutes, and the offer is audited', async () => {
    const doctor = await t.newCardiologist()
    const [first, second] = [await t.newPatient(), await t.newPatient()]
    const [entry, later] = [await t.wait(first, { doctorId: doctor.id }), await t.wait(second, { doctorId: doctor.id })]
    await t.free(doctor)
    await t.settle()
    const { status, offer } = await t.entryOf(first, entry)
    expect(status).toBe('offered')
    expect(offer).toEqual({
      appointmentId: offer.appointmentId,
      doctor: { id: doctor.id, name: doctor.name },
      clinic: { id: t.clinic.id, name: expect.any(String), timeZone: 'America/New_York' },
      startsAt: TEN,
      endsAt: '2026-01-06T15:30:00Z',
      localStart: '2026-01-06T10:00:00-05:00',
      expiresAt: '2026-01-05T12:15:00Z',
    })
    expect(await appointment(offer.appointmentId)).toMatchObject({
      status: 'held',
      patientId: first.id,
      createdBy: first.actor.userId,
      holdExpiresAt: new Date('2026-01-05T12:15:00Z'),
    })
    expect((await t.entryOf(second, later)).status).toBe('waiting')
    const events = t.db.selectFrom('auditOutbox').selectAll().where('kind', '=', 'waitlist.offer')
    expect(await events.where('targetId', '=', entry).execute()).toMatchObject([
      { actorId: null, patientIds: [first.id], detail: { appointmentId: offer.appointmentId } },
    ])
  })

  test('a slot freed by a cancellation, a reschedule or an expired hold is offered', async () => {
    const doctor = await t.newCardiologist()
    const [cancels, moves, lapses] = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
    const [at10, at11, at12] = [TEN, '2026-01-06T16:00:00Z', '2026-01-06T17:00:00Z']
    const ids = [await t.book(cancels, doctor, at10), await t.book(moves, doctor, at11)]
    const hold = { doctorId: doctor.id, startsAt: at12, hold: true }
    expect((await t.as(lapses.actor).post('/appointments', hold)).status).toBe(201)
    const waiting = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
    const entries: string[] = []
    for (const patient of waiting) entries.push(await t.wait(patient, { doctorId: doctor.id }))

    await t.cancel(cancels, ids[0]!)
    await t.settle()
    const elsewhere = { startsAt: '2026-01-06T20:00:00Z' }
    expect((await t.as(moves.actor).put(`/appointments/${ids[1]}/reschedule`, elsewhere)).status).toBe(200)
    await t.settle()
    t.clock.advance(5 * MINUTE)
    await t.settle()
    const offers = await Promise.all(waiting.map((patient, i) => t.entryOf(patient, entries[i]!)))
    expect(offers.map(({ status, offer }) => [status, offer?.startsAt])).toEqual([
      ['offered', at10],
      ['offered', at11],
      ['offered', at12],
    ])
    t.clock.advance(-5 * MINUTE)
  })

  test('offers follow the order of joining among entries for the doctor, the specialization or the clinic', async () => {
    const doctor = await t.newCardiologist('Oncology')
    const wishes = [
      { specialization: 'oncology' },
      { doctorId: doctor.id, clinicId: t.clinic.id },
      { doctorId: doctor.id },
    ]
    const line = await Promise.all(wishes.map(() => t.newPatient()))
    const entries: string[] = []
    for (const [i, wish] of wishes.entries()) {
      entries.push(await t.wait(line[i]!, wish))
      t.clock.advance(MINUTE)
    }
    await t.free(doctor)
    for (const turn of wishes.keys()) {
      await t.settle()
      const statuses = await Promise.all(line.map(async (one, i) => (await t.entryOf(one, entries[i]!)).status))
      expect(statuses).toEqual(wishes.map((_, i) => (i < turn ? 'declined' : i === turn ? 'offered' : 'waiting')))
      expect((await t.as(line[turn]!.actor).put(`/waitlist/${entries[turn]}/decline`)).status).toBe(200)
    }
    t.clock.advance(-wishes.length * MINUTE)
  })

  test('a freed slot skips entries that do not fit and patients who are busy, have three holds, freed it or are erased', async () => {
    const [doctor, other] = [await t.newCardiologist('Urology'), await t.newCardiologist('Urology')]
    const elsewhere = await t.newClinic()
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: elsewhere.id }).execute()
    const wish = { doctorId: doctor.id }
    const line = await Promise.all(Array.from({ length: 9 }, () => t.newPatient()))
    const [otherDoctor, otherClinic, before, after, busy, holding, owner, erased, suited] = line
    await t.wait(otherDoctor!, { doctorId: other.id })
    await t.wait(otherClinic!, { ...wish, clinicId: elsewhere.id })
    await t.wait(before!, { ...wish, to: '2026-01-05' })
    await t.wait(after!, { ...wish, from: '2026-01-07' })
    await t.book(busy!, other)
    await t.wait(busy!, wish)
    for (const startsAt of ['2026-01-07T15:00:00Z', '2026-01-07T16:00:00Z', '2026-01-07T17:00:00Z'])
      await t.as(holding!.actor).post('/appointments', { doctorId: other.id, startsAt, hold: true })
    await t.wait(holding!, wish)
    const booked = await t.book(owner!, doctor)
    await t.wait(owner!, wish)
    await t.wait(erased!, wish)
    await t.db.updateTable('patients').set({ erasedAt: t.clock.now() }).where('id', '=', erased!.id).execute()
    const entry = await t.wait(suited!, wish)
    await t.cancel(owner!, booked)
    await t.settle()
    expect((await t.entryOf(suited!, entry)).status).toBe('offered')
    const offered = t.db.selectFrom('waitlistEntries').select('patientId').where('status', '=', 'offered')
    const ids = line.map(({ id }) => id)
    expect(await offered.where('patientId', 'in', ids).execute()).toEqual([{ patientId: suited!.id }])
  })

  test('a freed slot is offered by any copy that runs the jobs', async () => {
    const doctor = await t.newCardiologist()
    const patient = await t.newPatient()
    const entry = await t.wait(patient, { doctorId: doctor.id })
    await t.runJobs()
    const { deps } = openCopy(t)
    const working = deps.jobs.work({ 'waitlist.time_freed': (freed) => offerFreedTime(deps, freed) })
    await t.free(doctor)
    await until(async () => (await t.entryOf(patient, entry)).status === 'offered')
    await working.stop()
  })

  test('a freed slot stays free when nobody waits, and anyone may book it before it is offered', async () => {
    const doctor = await t.newCardiologist()
    await t.free(doctor)
    await t.settle()
    const [waiting, quick] = [await t.newPatient(), await t.newPatient()]
    const entry = await t.wait(waiting, { doctorId: doctor.id })
    await t.free(doctor)
    await t.book(quick, doctor)
    await t.settle()
    expect((await t.entryOf(waiting, entry)).status).toBe('waiting')
  })

  test('a freed slot is offered once even when its job runs repeatedly', async () => {
    const doctor = await t.newCardiologist()
    const line = [await t.newPatient(), await t.newPatient()]
    for (const patient of line) await t.wait(patient, { doctorId: doctor.id })
    await t.free(doctor)
    await t.settle()
    const { id } = await t.db
      .selectFrom('appointments')
      .select('id')
      .where('doctorId', '=', doctor.id)
      .where('status', '=', 'cancelled')
      .executeTakeFirstOrThrow()
    const freed = {
      appointmentId: id,
      was: 'booked' as const,
      doctorId: doctor.id,
      clinicId: t.clinic.id,
      startsAt: TEN,
    }
    for (let i = 0; i < 3; i++) await offerFreedTime(t.deps, freed)
    const entries = t.db.selectFrom('waitlistEntries').select('status').where('doctorId', '=', doctor.id)
    expect((await entries.orderBy('createdAt').orderBy('id').execute()).map(({ status }) => status)).toEqual([
      'offered',
      'waiting',
    ])
  })

  test('a freed slot is not offered inside the minimum notice', async () => {
    const doctor = await t.newDoctor({ clinicId: t.clinic.id, visitType: { minimumNoticeMinutes: 120 } })
    const patient = await t.newPatient()
    const entry = await t.wait(patient, { doctorId: doctor.id })
    await t.free(doctor)
    t.clock.set('2026-01-06T13:30:00Z')
    await t.settle()
    expect((await t.entryOf(patient, entry)).status).toBe('waiting')
    t.clock.set('2026-01-05T12:00:00Z')
  })

  test('a slot freed by an appointment of another visit type is offered for that visit type', async () => {
    const doctor = await t.newCardiologist()
    const special = {
      id: crypto.randomUUID(),
      doctorId: doctor.id,
      name: 'Short',
      durationMinutes: 10,
      slotIntervalMinutes: 10,
    }
    await t.db
      .insertInto('visitTypes')
      .values({ ...special, priceAmount: 0, priceCurrency: 'USD' })
      .execute()
    const [owner, patient] = [await t.newPatient(), await t.newPatient()]
    const body = { doctorId: doctor.id, visitTypeId: special.id, startsAt: '2026-01-06T15:20:00Z' }
    const { body: booked } = await t.as(owner.actor).post('/appointments', body)
    const entry = await t.wait(patient, { doctorId: doctor.id })
    await t.cancel(owner, booked.id)
    await t.settle()
    const { offer } = await t.entryOf(patient, entry)
    expect(await appointment(offer.appointmentId)).toMatchObject({ visitTypeId: special.id })
  })
})
