import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'
import { countRoundTrips } from '../support/round-trips'

const ROUNDS = process.env.TEST_SCALE === 'full' ? 100 : 3

const t = await createTestApp()
const clinic = await t.newClinic()
const newDoctor = (visitType = {}) => t.newDoctor({ clinicId: clinic.id, visitType })
const series = { startsAt: '2026-01-06T10:00:00-05:00', every: { weeks: 1 }, count: 4, mode: 'all_or_nothing' }
const STARTS = ['06', '13', '20', '27'].map((day) => `2026-01-${day}T15:00:00Z`)

type Patient = Awaited<ReturnType<typeof t.newPatient>>
const ask = ({ actor }: Pick<Patient, 'actor'>, body: object, headers = {}) =>
  t.as(actor).post('/appointments/series', { ...series, ...body }, { headers })
const book = ({ actor }: Patient, doctorId: string, startsAt: string) =>
  t.as(actor).post('/appointments', { doctorId, startsAt })
const stored = (doctorId: string) =>
  t.db
    .selectFrom('appointments')
    .select(['id', 'startsAt', 'status'])
    .where('doctorId', '=', doctorId)
    .where('status', '=', 'booked')
    .orderBy('startsAt')
    .execute()
const eventsOf = (patientId: string) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'outcome', 'detail'])
    .where('kind', '=', 'appointment.book_series')
    .where((eb) => eb(eb.val(patientId), '=', eb.fn.any('patientIds')))
    .execute()
type Reported = { startsAt: string; appointment?: { id: string }; problem?: { code: string } }
const outcomes = ({ occurrences }: { occurrences: Reported[] }) =>
  occurrences.map(({ appointment, problem }) => (appointment ? 'booked' : (problem?.code ?? 'free')))

describe('series of appointments', () => {
  test('a series is booked as a whole in one audited request, each occurrence as its own appointment', async () => {
    const [doctor, patient] = [await newDoctor(), await t.newPatient()]
    const { status, body, headers } = await ask(patient, { doctorId: doctor.id, reason: 'Physiotherapy' })
    expect(status).toBe(201)
    expect(body.occurrences.map(({ startsAt }: Reported) => startsAt)).toEqual(STARTS)
    for (const { startsAt, appointment } of body.occurrences) {
      expect(appointment).toMatchObject({ startsAt, status: 'booked', reason: 'Physiotherapy', version: 1 })
      expect((await t.as(patient.actor).get(`/appointments/${appointment.id}`)).body).toEqual(appointment)
    }
    expect(await stored(doctor.id)).toHaveLength(4)
    const taken = t.db.selectFrom('occupancy').select('kind').where('resourceId', 'in', [doctor.id, patient.id])
    expect(await taken.execute()).toHaveLength(8)
    const listed = await t.as(patient.actor).get(headers.get('location')!)
    expect(listed.body.data).toEqual(body.occurrences.map(({ appointment }: Reported) => appointment))
    expect(await eventsOf(patient.id)).toEqual([
      { kind: 'appointment.book_series', action: 'C', outcome: 'success', detail: { count: 4 } },
    ])
  })

  test('a series with mode all_or_nothing books nothing if one occurrence fails, and reports on each', async () => {
    const [doctor, patient, other] = [await newDoctor(), await t.newPatient(), await t.newPatient()]
    await book(other, doctor.id, STARTS[2]!)
    const { status, body } = await ask(patient, { doctorId: doctor.id })
    expect([status, body.code]).toEqual([409, 'slot_taken'])
    expect(body.occurrences).toEqual([
      { startsAt: STARTS[0] },
      { startsAt: STARTS[1] },
      { startsAt: STARTS[2], problem: { code: 'slot_taken', detail: 'This time is taken.' } },
      { startsAt: STARTS[3] },
    ])
    expect(await stored(doctor.id)).toHaveLength(1)
  })

  test('a refused series has the code of its first occurrence that cannot be booked', async () => {
    const [doctor, colleague, patient, other] = [
      await newDoctor(),
      await newDoctor(),
      await t.newPatient(),
      await t.newPatient(),
    ]
    await book(patient, colleague.id, STARTS[1]!)
    await book(other, doctor.id, STARTS[2]!)
    const { body } = await ask(patient, { doctorId: doctor.id })
    expect(body.code).toBe('patient_busy')
    expect(outcomes(body)).toEqual(['free', 'patient_busy', 'slot_taken', 'free'])
  })

  test('a series with mode what_is_free books the free occurrences and reports on each', async () => {
    const [doctor, patient, other] = [await newDoctor(), await t.newPatient(), await t.newPatient()]
    await book(other, doctor.id, STARTS[0]!)
    const { status, body } = await ask(patient, { doctorId: doctor.id, mode: 'what_is_free' })
    expect([status, outcomes(body)]).toEqual([201, ['slot_taken', 'booked', 'booked', 'booked']])
    expect(await stored(doctor.id)).toHaveLength(4)
    expect(await eventsOf(patient.id)).toMatchObject([{ detail: { count: 3 } }])
    const again = await ask(await t.newPatient(), { doctorId: doctor.id, mode: 'what_is_free' })
    expect([again.status, again.body.code, outcomes(again.body)]).toEqual([
      409,
      'slot_taken',
      STARTS.map(() => 'slot_taken'),
    ])
  })

  test('a dry run of a series reports on each occurrence by the same rules and books nothing', async () => {
    const [doctor, patient, other] = [await newDoctor(), await t.newPatient(), await t.newPatient()]
    await book(other, doctor.id, STARTS[1]!)
    for (const mode of ['all_or_nothing', 'what_is_free']) {
      const { status, body, headers } = await ask(patient, { doctorId: doctor.id, mode, dryRun: true })
      expect([status, outcomes(body)]).toEqual([200, ['free', 'slot_taken', 'free', 'free']])
      expect(headers.get('location')).toBeNull()
    }
    expect(await stored(doctor.id)).toHaveLength(1)
    expect(await eventsOf(patient.id)).toMatchObject([
      { detail: { count: 0, dryRun: true } },
      { detail: { count: 0, dryRun: true } },
    ])
  })

  test('a series checks the horizon, the hours and the time off for each occurrence', async () => {
    const [doctor, patient] = [await newDoctor({ horizonDays: 14 }), await t.newPatient()]
    const off = { startsAt: '2026-01-13T14:00:00Z', endsAt: '2026-01-13T22:00:00Z', kind: 'off' }
    expect((await t.as(doctor.actor).post('/doctors/availability/exceptions', off)).status).toBe(201)
    const { body } = await ask(patient, { doctorId: doctor.id, dryRun: true })
    expect(outcomes(body)).toEqual(['free', 'not_bookable', 'not_bookable', 'not_bookable'])
    expect(body.occurrences[1].problem.detail).toContain('the doctor is off')
    expect(body.occurrences[2].problem.detail).toContain('more than 14 days ahead')
    const nightly = await ask(patient, { doctorId: doctor.id, startsAt: '2026-01-06T03:00:00-05:00' })
    expect([nightly.status, nightly.body.code]).toEqual([409, 'not_bookable'])
  })

  test('a series keeps its local time when the clocks change, and reports the day without this time', async () => {
    const everyNight = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '00:00', end: '24:00' }))
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyNight })
    const body = { doctorId: doctor.id, startsAt: '2026-03-01T02:30:00-05:00', count: 3, mode: 'what_is_free' }
    const { body: booked } = await ask(await t.newPatient(), body)
    expect(outcomes(booked)).toEqual(['booked', 'not_bookable', 'booked'])
    expect(booked.occurrences[1]).toEqual({
      startsAt: '2026-03-08T07:00:00Z',
      problem: { code: 'not_bookable', detail: 'The clocks skip this local time on that day.' },
    })
    expect(booked.occurrences[2].appointment.localStart).toBe('2026-03-15T02:30:00-04:00')
    const daily = await ask(await t.newPatient(), { ...body, startsAt: '2026-03-02T10:00:00-05:00', count: 2 })
    expect((await stored(doctor.id)).map(({ startsAt }) => startsAt.toISOString())).toEqual([
      '2026-03-01T07:30:00.000Z',
      '2026-03-02T15:00:00.000Z',
      '2026-03-09T14:00:00.000Z',
      '2026-03-15T06:30:00.000Z',
    ])
    expect(outcomes(daily.body)).toEqual(['booked', 'booked'])
  })

  test('each occurrence of a series gets a room if the visit needs one', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: { requiresRoom: true } })
    const admin = t.as(await t.newAdmin())
    const rooms = []
    for (const name of ['A', 'B']) rooms.push((await admin.post(`/clinics/${clinic.id}/rooms`, { name })).body)
    const colleague = await t.newDoctor({ clinicId: clinic.id, visitType: { requiresRoom: true } })
    await book(await t.newPatient(), colleague.id, STARTS[1]!)
    const { body } = await ask(await t.newPatient(), { doctorId: doctor.id })
    const names = body.occurrences.map(
      ({ appointment }: { appointment: { room: { name: string } } }) => appointment.room.name,
    )
    expect(names).toEqual(['A', 'B', 'A', 'A'])
    expect(rooms).toHaveLength(2)
  })

  test('a series may take the time of an expired hold', async () => {
    const [doctor, patient, other] = [await newDoctor(), await t.newPatient(), await t.newPatient()]
    const hold = { doctorId: doctor.id, startsAt: STARTS[1], hold: true }
    const { body: held } = await t.as(other.actor).post('/appointments', hold)
    expect(outcomes((await ask(patient, { doctorId: doctor.id, dryRun: true })).body)[1]).toBe('slot_taken')
    t.clock.advance(5 * 60_000)
    expect(outcomes((await ask(patient, { doctorId: doctor.id })).body)).toEqual(STARTS.map(() => 'booked'))
    const { status } = await t.db
      .selectFrom('appointments')
      .select('status')
      .where('id', '=', held.id)
      .executeTakeFirstOrThrow()
    expect(status).toBe('expired')
    t.clock.advance(-5 * 60_000)
  })

  test('staff may override rules for a series if they give a reason', async () => {
    const [doctor, patient] = [await newDoctor({ horizonDays: 14 }), await t.newPatient()]
    const admin = { actor: await t.newAdmin() }
    const body = { doctorId: doctor.id, patientId: patient.id, override: ['horizon'], reason: 'Agreed by telephone' }
    expect((await ask(patient, body)).status).toBe(403)
    expect((await ask(admin, { ...body, reason: undefined })).status).toBe(422)
    const { body: booked } = await ask(admin, body)
    expect(outcomes(booked)).toEqual(STARTS.map(() => 'booked'))
    expect(booked.occurrences[0].appointment.reason).toBeNull()
    const [, success] = await eventsOf(patient.id)
    expect(success).toMatchObject({ outcome: 'success', detail: { count: 4, override: 'horizon' } })
  })

  test('a series can be booked only for patients and with doctors that the caller may book', async () => {
    const [doctor, patient, stranger] = [await newDoctor(), await t.newPatient(), await t.newPatient()]
    const wanted = { doctorId: doctor.id, patientId: patient.id }
    expect((await ask(stranger, wanted)).status).toBe(404)
    expect((await ask({ actor: doctor.actor }, wanted)).status).toBe(404)
    expect((await ask({ actor: (await newDoctor()).actor }, wanted)).status).toBe(403)
    expect((await ask({ actor: await t.newAdmin() }, { doctorId: doctor.id })).status).toBe(422)
    expect((await ask(patient, { doctorId: crypto.randomUUID() })).status).toBe(404)
    expect((await ask(patient, { ...wanted, startsAt: '2026-01-05T12:00:00Z' })).status).toBe(422)
    await book(patient, doctor.id, '2026-01-07T15:00:00Z')
    expect((await ask({ actor: doctor.actor }, wanted)).status).toBe(201)
  })

  test.each([
    ['every.weeks', { every: { weeks: 9 } }],
    ['every.weeks', { every: { weeks: 0 } }],
    ['count', { count: 1 }],
    ['count', { count: 27 }],
    ['mode', { mode: 'some' }],
    ['dryRun', { dryRun: false }],
    ['hold', { hold: true }],
  ])('refuses a series with a wrong %s', async (path, wrong) => {
    const { status, body } = await ask(await t.newPatient(), { doctorId: crypto.randomUUID(), ...wrong })
    expect([status, body.errors[0].path]).toEqual([422, path])
  })

  test('a series is booked once under one idempotency key', async () => {
    const [doctor, patient] = [await newDoctor(), await t.newPatient()]
    const key = { 'idempotency-key': `series-${doctor.id}` }
    const first = await ask(patient, { doctorId: doctor.id }, key)
    const again = await ask(patient, { doctorId: doctor.id }, key)
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([201, first.text, 'true'])
    expect(await stored(doctor.id)).toHaveLength(4)
    const dry = { ...key, 'idempotency-key': `dry-${doctor.id}` }
    await ask(patient, { doctorId: doctor.id, dryRun: true }, dry)
    expect((await ask(patient, { doctorId: doctor.id, dryRun: true }, dry)).status).toBe(200)
  })

  test('a series takes as many round trips as a single booking, however long it is', async () => {
    const wire = await countRoundTrips(t)
    const [doctor, patient] = [await newDoctor({ horizonDays: 365 }), await t.newPatient()]
    const send = (count: number, startsAt: string) =>
      wire.as(patient.actor).post('/appointments/series', { ...series, doctorId: doctor.id, count, startsAt })
    await send(2, '2026-01-06T09:00:00-05:00')
    const { answer, roundTrips } = await wire.measure(() => send(26, '2026-01-06T11:00:00-05:00'))
    expect([answer.status, roundTrips]).toEqual([201, 6])
  })
})

describe('concurrent series', () => {
  test('a time goes to only one of the concurrent series and bookings, and no series is booked in part', async () => {
    const copies = [openCopy(t), openCopy(t)]
    for (let round = 0; round < ROUNDS; round++) {
      const doctor = await newDoctor()
      const patients = await Promise.all(Array.from({ length: 6 }, () => t.newPatient()))
      const answers = await Promise.all(
        patients.map(({ actor }, i) => {
          const as = copies[i % 2]!.as(actor)
          if (i < 4) return as.post('/appointments/series', { ...series, doctorId: doctor.id })
          return as.post('/appointments', { doctorId: doctor.id, startsAt: STARTS[i - 2] })
        }),
      )
      const whole = answers.slice(0, 4).filter(({ status }) => status === 201)
      const single = answers.slice(4).filter(({ status }) => status === 201)
      expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([])
      expect([whole.length <= 1, whole.length === 1 ? single.length : single.length > 0]).toEqual([
        true,
        whole.length === 1 ? 0 : true,
      ])
      expect(await stored(doctor.id)).toHaveLength(whole.length * 4 + single.length)
    }
  }, 300_000)

  test('concurrent series with mode what_is_free share the times without a gap or a double booking', async () => {
    const copies = [openCopy(t), openCopy(t)]
    for (let round = 0; round < ROUNDS; round++) {
      const doctor = await newDoctor()
      const patients = await Promise.all(Array.from({ length: 4 }, () => t.newPatient()))
      const starts = ['2026-01-06T10:00:00-05:00', '2026-01-13T10:00:00-05:00']
      const answers = await Promise.all(
        patients.map(({ actor }, i) => {
          const body = { ...series, doctorId: doctor.id, mode: 'what_is_free', startsAt: starts[i % 2] }
          return copies[i % 2]!.as(actor).post('/appointments/series', body)
        }),
      )
      const booked = answers.flatMap(({ status, body }) => (status === 201 ? outcomes(body) : []))
      const times = (await stored(doctor.id)).map(({ startsAt }) => startsAt.getTime())
      expect(booked.filter((outcome) => outcome === 'booked')).toHaveLength(times.length)
      expect(new Set(times).size).toBe(times.length)
      expect(times.length).toBe(5)
    }
  }, 300_000)
})
