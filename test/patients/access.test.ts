import { describe, expect, test } from 'bun:test'
import type { AppointmentStatus } from '../../src/ledger/status'
import { createTestApp, NOW } from '../support/app'
import { openCopy } from '../support/copies'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const DAY = 86_400_000
const HALF_HOUR = 30 * 60_000
const at = (days: number) => new Date(NOW.getTime() + days * DAY)
/** The start of a 30-minute visit that ended exactly 365 days ago. */
const endsAYearAgo = new Date(NOW.getTime() - 365 * DAY - HALF_HOUR)
/** The start of a 30-minute visit that ends now. */
const endsNow = new Date(NOW.getTime() - HALF_HOUR)
const later = (date: Date) => new Date(date.getTime() + 1)

type Maker = 'patient' | 'guardian' | 'admin' | 'doctor'
type Case = [what: string, maker: Maker, status: AppointmentStatus, startsAt: Date, sees: boolean]

const CASES: Case[] = [
  ['a future booking', 'patient', 'booked', at(10), true],
  ['a past booking', 'patient', 'booked', at(-10), true],
  ['a booking by the guardian', 'guardian', 'booked', at(10), true],
  ['a booking by the front desk', 'admin', 'booked', at(10), true],
  ['a checked-in visit', 'patient', 'checked_in', at(0), true],
  ['a completed visit', 'patient', 'completed', at(-1), true],
  ['a no-show', 'patient', 'no_show', at(-1), true],
  ['a hold', 'patient', 'held', at(10), false],
  ['an expired hold', 'patient', 'expired', at(10), false],
  ['a cancelled booking', 'patient', 'cancelled', at(10), false],
  ['a booking the doctor made alone', 'doctor', 'booked', at(10), false],
  ['a checked-in visit the doctor booked alone', 'doctor', 'checked_in', at(0), false],
  ['a no-show the doctor booked alone', 'doctor', 'no_show', at(-1), false],
  ['a completed visit the doctor booked alone', 'doctor', 'completed', at(-1), true],
  ['a visit the doctor booked alone, completed before its end,', 'doctor', 'completed', later(endsNow), false],
  ['a visit the doctor booked alone that ends now,', 'doctor', 'completed', endsNow, true],
  ['a visit 364 days ago', 'patient', 'completed', at(-364), true],
  ['a visit that ended a moment less than 365 days ago', 'patient', 'completed', later(endsAYearAgo), true],
  ['a visit that ended 365 days ago', 'patient', 'completed', endsAYearAgo, false],
  ['a booking that ended 365 days ago', 'admin', 'booked', endsAYearAgo, false],
]

describe('treatment relationship', () => {
  test.each(CASES)('decides access of a doctor after %s (by the %s, %s)', async (_, maker, status, startsAt, sees) => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    const guardian = await t.newPatient()
    const createdBy = { patient: patient.actor, guardian: guardian.actor, admin, doctor: doctor.actor }[maker]
    await t.newAppointment({ patient, doctor, startsAt, status, createdBy })

    const asDoctor = t.as(doctor.actor)
    expect((await asDoctor.get(`/patients/${patient.id}`)).status).toBe(sees ? 200 : 404)
    expect((await asDoctor.get(`/patients/${patient.id}/records`)).status).toBe(sees ? 200 : 404)
    expect((await asDoctor.get(`/patients/${patient.id}/prescriptions`)).status).toBe(sees ? 200 : 404)
    const found = (await asDoctor.get('/patients')).body.data
    expect(found.map(({ id }: { id: string }) => id)).toEqual(sees ? [patient.id] : [])
    const note = { type: 'visit_note', title: 'Visit', data: {} }
    expect((await asDoctor.post(`/patients/${patient.id}/records`, note)).status).toBe(sees ? 201 : 404)
  })

  test('another doctor of the same clinic cannot see the patient', async () => {
    const [doctor, colleague] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: at(1) })
    const unknown = await t.as(colleague.actor).get(`/patients/${crypto.randomUUID()}`)
    const stranger = await t.as(colleague.actor).get(`/patients/${patient.id}`)
    expect(stranger.status).toBe(404)
    expect({ ...stranger.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
  })

  test('one active appointment among cancelled and expired ones is enough for a treatment relationship', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: at(1), status: 'cancelled' })
    await t.newAppointment({ patient, doctor, startsAt: at(2), status: 'booked' })
    await t.newAppointment({ patient, doctor, startsAt: at(3), status: 'expired' })
    expect((await t.as(doctor.actor).get(`/patients/${patient.id}`)).status).toBe(200)
    expect((await t.as(doctor.actor).get('/patients')).body.data).toHaveLength(1)
  })
})

describe('treatment relationship over time', () => {
  const paths = ['', '/records', '/prescriptions']
  type Step = [what: string, act: (given: Given) => Promise<unknown> | unknown, sees: boolean]
  type Given = Awaited<ReturnType<typeof strangers>>

  async function strangers() {
    t.clock.set(NOW)
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    return { doctor, patient }
  }
  const book = ({ patient, doctor }: Given) => t.newAppointment({ patient, doctor, startsAt: at(1) })
  const become = (status: AppointmentStatus) => async (given: Given) => {
    await t.db.updateTable('appointments').set({ status }).where('patientId', '=', given.patient.id).execute()
  }
  const openEmergency = async ({ patient, doctor }: Given) => {
    const reason = 'Brought in unconscious after a fall'
    const { status } = await t.as(doctor.actor).post(`/patients/${patient.id}/emergency-access`, { reason })
    expect(status).toBe(201)
  }
  const nothing = () => {}
  const days = (count: number) => () => t.clock.set(at(count))
  const hours = (count: number) => () => t.clock.set(new Date(NOW.getTime() + count * 3_600_000))
  const unverify = ({ doctor }: Given) => t.as(admin).put(`/doctors/${doctor.id}/unverify`)
  const verify = ({ doctor }: Given) => t.as(admin).put(`/doctors/${doctor.id}/verify`)
  const disable = ({ doctor }: Given) => t.as(admin).patch(`/users/${doctor.actor.userId}`, { status: 'disabled' })

  const STORIES: [string, Step[]][] = [
    [
      'a visit from its booking to its end',
      [
        ['before anything', nothing, false],
        ['booked', book, true],
        ['during the visit', become('checked_in'), true],
        ['after the visit', become('completed'), true],
        ['364 days after', days(365), true],
        ['366 days after', days(367), false],
      ],
    ],
    [
      'a cancelled visit',
      [
        ['booked', book, true],
        ['cancelled', become('cancelled'), false],
      ],
    ],
    [
      'emergency access',
      [
        ['before', nothing, false],
        ['opened', openEmergency, true],
        ['a moment before it ends', hours(4 - 1 / 3600), true],
        ['when it ends', hours(4), false],
        ['opened again', openEmergency, true],
      ],
    ],
    [
      'emergency access of a doctor who becomes unverified',
      [
        ['opened', openEmergency, true],
        ['unverified', unverify, false],
        ['verified again', verify, true],
      ],
    ],
    [
      'emergency access after a cancelled visit',
      [
        ['booked', book, true],
        ['cancelled', become('cancelled'), false],
        ['opened', openEmergency, true],
        ['over', hours(5), false],
      ],
    ],
    [
      'a booking of a doctor who becomes unverified',
      [
        ['booked', book, true],
        ['unverified', unverify, true],
      ],
    ],
  ]

  test.each(STORIES)('the access of a doctor is right at each step of %s', async (_, steps) => {
    const given = await strangers()
    const told: string[] = []
    const expected: string[] = []
    for (const [what, act, sees] of steps) {
      await act(given)
      const asDoctor = t.as(given.doctor.actor)
      for (const path of paths) {
        const { status } = await asDoctor.get(`/patients/${given.patient.id}${path}`)
        told.push(`${what}: ${status} ${path}`)
        expected.push(`${what}: ${sees ? 200 : 404} ${path}`)
      }
      const { body } = await asDoctor.get('/patients')
      told.push(`${what}: ${body.data.length} found`)
      expected.push(`${what}: ${sees ? 1 : 0} found`)
    }
    t.clock.set(NOW)
    expect(told).toEqual(expected)
  })

  test('a disabled doctor has no access, not even by emergency access', async () => {
    const given = await strangers()
    await openEmergency(given)
    await disable(given)
    const asDoctor = t.as(given.doctor.actor)
    expect((await asDoctor.get(`/patients/${given.patient.id}`)).status).toBe(401)
    const reason = 'Brought in unconscious after a fall'
    expect((await asDoctor.post(`/patients/${given.patient.id}/emergency-access`, { reason })).status).toBe(401)
  })

  test('the treatment relationship lasts for RELATIONSHIP_DAYS', async () => {
    const brief = openCopy(t, { RELATIONSHIP_DAYS: '30' })
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const [recent, former] = [await t.newPatient(), await t.newPatient()]
    await t.newAppointment({ patient: recent, doctor, startsAt: at(-30), status: 'completed' })
    await t.newAppointment({ patient: former, doctor, startsAt: at(-31), status: 'completed' })
    for (const [api, sees] of [
      [t, 200],
      [brief, 404],
    ] as const) {
      expect((await api.as(doctor.actor).get(`/patients/${recent.id}`)).status).toBe(200)
      expect((await api.as(doctor.actor).get(`/patients/${former.id}`)).status).toBe(sees)
    }
    // The same limit applies when the doctor books for the patient.
    const booking = { doctorId: doctor.id, patientId: former.id, startsAt: '2026-01-06T14:00:00Z' }
    expect((await brief.as(doctor.actor).post('/appointments', booking)).status).toBe(404)
    expect((await t.as(doctor.actor).post('/appointments', booking)).status).toBe(201)
  })
})

describe('a patient', () => {
  const paths = ['', '/records', '/prescriptions']

  test('a patient sees their own data and no other patient', async () => {
    const [patient, other] = [await t.newPatient(), await t.newPatient()]
    for (const path of paths) {
      expect((await t.as(patient.actor).get(`/patients/${patient.id}${path}`)).status).toBe(200)
      expect((await t.as(patient.actor).get(`/patients/${other.id}${path}`)).status).toBe(404)
    }
  })

  test('a guardian can read and change their ward, but the ward cannot read or change the guardian', async () => {
    const guardian = await t.newPatient()
    const child = await t.newPatient()
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: child.id }).execute()
    for (const path of paths) {
      expect((await t.as(guardian.actor).get(`/patients/${child.id}${path}`)).status).toBe(200)
      expect((await t.as(child.actor).get(`/patients/${guardian.id}${path}`)).status).toBe(404)
    }
    const change = { address: '1 New Street' }
    expect((await t.as(guardian.actor).patch(`/patients/${child.id}`, change)).status).toBe(200)
    expect((await t.as(child.actor).patch(`/patients/${guardian.id}`, change)).status).toBe(404)
  })

  test('a patient may not search patients', async () => {
    const { actor } = await t.newPatient()
    expect((await t.as(actor).get('/patients')).status).toBe(403)
  })
})

describe('an admin', () => {
  test('an admin sees any patient profile but no clinical text', async () => {
    const patient = await t.newPatient()
    const asAdmin = t.as(admin)
    expect(await asAdmin.get(`/patients/${patient.id}`)).toMatchObject({ status: 200, body: { history: null } })
    for (const path of ['records', 'prescriptions'])
      expect((await asAdmin.get(`/patients/${patient.id}/${path}`)).status).toBe(403)
    for (const path of ['records', 'prescriptions'])
      expect((await asAdmin.get(`/${path}/${crypto.randomUUID()}`)).status).toBe(403)
  })
})
