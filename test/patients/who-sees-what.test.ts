import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const DAY = 86_400_000
const at = (days: number) => new Date(NOW.getTime() + days * DAY)

/** `all`: the profile and every note; `own notes`: only the notes that this person wrote. */
type Sees = 'all' | 'profile' | 'own notes' | 'nothing'

async function createCase() {
  t.clock.set(NOW)
  const [doctor, colleague] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
  const [patient, guardian, stranger] = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
  await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: patient.id }).execute()
  // The appointment of another patient with another doctor opens nothing.
  await t.newAppointment({ patient: stranger, doctor: colleague, startsAt: at(1) })
  const former = await t.newDoctor({ clinicId: clinic.id })
  const notes = { doctor: await writeNote(doctor), former: await writeNote(former) }
  return { doctor, patient, people: [patient, guardian, doctor, colleague, stranger].map(({ actor }) => actor), notes }

  /** Inserts an old note directly, without a request. */
  async function writeNote({ id: doctorId }: { id: string }): Promise<string> {
    const author = { id: doctorId, name: 'Dr. Test' }
    const envelope = { schemaVersion: 1, patientId: patient.id, doctorId, doctor: author, appointmentId: null }
    const note = { type: 'visit_note', title: 'A', data: {}, amendments: [], createdAt: at(-1000) }
    const _id = newId()
    await t.deps.mongo.ready()
    await t.deps.mongo.collection<{ _id: string }>('medical_records').insertOne({ _id, ...envelope, ...note })
    return _id
  }
}

type Case = Awaited<ReturnType<typeof createCase>>

const appointment =
  (status: 'held' | 'booked' | 'checked_in' | 'completed' | 'cancelled' | 'no_show', days: number) =>
  ({ patient, doctor }: Case) =>
    t.newAppointment({ patient, doctor, startsAt: at(days), status })

const madeByDoctor =
  (status: 'booked' | 'checked_in' | 'completed' | 'no_show', days: number) =>
  ({ patient, doctor }: Case) =>
    t.newAppointment({ patient, doctor, startsAt: at(days), status, createdBy: doctor.actor })

async function openEmergency({ patient, doctor }: Case): Promise<void> {
  const reason = 'Brought in unconscious after a fall'
  const { status } = await t.as(doctor.actor).post(`/patients/${patient.id}/emergency-access`, { reason })
  expect(status).toBe(201)
}

async function emergencyThatIsOver(given: Case): Promise<void> {
  await openEmergency(given)
  t.clock.advance(4 * 3_600_000)
}

/** The doctor books a visit under emergency access and completes it once it has started. */
const visitBookedOnEmergency = (afterHours: number) => async (given: Case) => {
  await openEmergency(given)
  const { patient, doctor } = given
  const as = t.as(doctor.actor)
  const startsAt = new Date(NOW.getTime() + 3 * 3_600_000)
  const booked = await as.post('/appointments', { doctorId: doctor.id, patientId: patient.id, startsAt })
  t.clock.set(startsAt)
  expect((await as.put(`/appointments/${booked.body.id}/complete`)).status).toBe(200)
  t.clock.set(new Date(NOW.getTime() + afterHours * 3_600_000))
}

/** The patient books a visit, and the doctor moves it ten weeks ahead. */
const visitMovedByDoctor = (afterDays: number) => async (given: Case) => {
  const { id } = await appointment('booked', 1)(given)
  const startsAt = new Date(NOW.getTime() + 70 * DAY + 3 * 3_600_000)
  expect((await t.as(given.doctor.actor).put(`/appointments/${id}/reschedule`, { startsAt })).status).toBe(200)
  t.clock.set(at(afterDays))
}

/** The access of the doctor after each event; the access of all other people never changes. */
const TABLE: [when: string, happens: (given: Case) => unknown, doctor: Sees][] = [
  ['before any appointment', () => {}, 'own notes'],
  ['while an appointment is held', appointment('held', 10), 'own notes'],
  ['once an appointment is booked', appointment('booked', 10), 'all'],
  ['during the visit', appointment('checked_in', 0), 'all'],
  ['after the visit', appointment('completed', -1), 'all'],
  ['after a no-show', appointment('no_show', -1), 'all'],
  ['364 days after the visit', appointment('completed', -364), 'all'],
  ['366 days after the visit', appointment('completed', -366), 'own notes'],
  ['after a cancellation', appointment('cancelled', 10), 'own notes'],
  ['under emergency access', openEmergency, 'all'],
  ['after emergency access has ended', emergencyThatIsOver, 'own notes'],
  ['while a visit that the doctor booked alone is to come', madeByDoctor('booked', 10), 'own notes'],
  ['during a visit that the doctor booked alone', madeByDoctor('checked_in', 0), 'own notes'],
  ['before the end of a completed visit that the doctor booked alone', madeByDoctor('completed', 0), 'own notes'],
  ['after the end of a completed visit that the doctor booked alone', madeByDoctor('completed', -1), 'all'],
  ['366 days after a completed visit that the doctor booked alone', madeByDoctor('completed', -366), 'own notes'],
  ['after a no-show that the doctor booked alone', madeByDoctor('no_show', -1), 'own notes'],
  ['under the emergency access on which a completed visit was booked', visitBookedOnEmergency(3.6), 'all'],
  ['after a completed visit that was booked on an emergency', visitBookedOnEmergency(4), 'own notes'],
  ['365 days after a visit that the doctor then moved ahead', visitMovedByDoctor(365), 'all'],
  ['367 days after a visit that the doctor then moved ahead', visitMovedByDoctor(367), 'own notes'],
]

const ROWS = TABLE.map(([when, happens, doctor]) => {
  const sees: Sees[] = ['all', 'all', doctor, 'nothing', 'nothing', 'profile']
  return [when, ...sees, happens] as const
})

describe('access to a patient', () => {
  test.each(ROWS)(
    'access to a patient %s: patient %s, guardian %s, their doctor %s, another doctor %s, another patient %s, admin %s',
    async (_, ...row) => {
      const happens = row.at(-1) as (given: Case) => unknown
      const given = await createCase()
      await happens(given)
      const seen: Sees[] = []
      for (const actor of [...given.people, admin]) seen.push(await whatSees(actor, given))
      t.clock.set(NOW)
      expect(seen).toEqual(row.slice(0, -1) as Sees[])
    },
  )
})

const PATTERNS: Record<string, Sees> = {
  '200 200 200 200 200': 'all',
  '200 403 403 403 403': 'profile',
  '404 404 404 200 404': 'own notes',
  '404 404 404 404 404': 'nothing',
}

async function whatSees(actor: Caller, { patient, notes }: Case): Promise<Sees> {
  const ofPatient = `/patients/${patient.id}`
  const paths = [ofPatient, `${ofPatient}/records`, `${ofPatient}/prescriptions`]
  const statuses: number[] = []
  for (const path of [...paths, `/records/${notes.doctor}`, `/records/${notes.former}`])
    statuses.push((await t.as(actor).get(path)).status)
  const pattern = statuses.join(' ')
  const sees = PATTERNS[pattern]
  if (!sees) throw new Error(`statuses ${pattern} make no sense`)
  return sees
}
