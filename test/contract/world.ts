import type { Caller, Role } from '../../src/actor'
import type { AppointmentStatus } from '../../src/ledger/status'
import { MULTIPART } from '../records/files'
import type { TestApp } from '../support/app'

const SLOTS_A_DAY = 16
const DAY = 86_400_000
const HALF_HOUR = 1_800_000
/** Tuesday, nine in the morning in New York: the factories' doctors work from then on weekdays. */
const FIRST_START = Date.parse('2026-01-06T14:00:00Z')

/** Half an hour after the tests' clock, on the same local day. */
const TODAY_START = Date.parse('2026-01-05T12:30:00Z')

/** A minute before the tests' clock. */
const PAST_START = Date.parse('2026-01-05T11:59:00Z')

/**
 * Two of everything, so that every role has a person without access to a thing: `patient` is
 * treated by `doctor`, `otherPatient` by `otherDoctor`, and neither pair has access to the other.
 */
export async function createWorld(t: TestApp) {
  const clinic = await t.newClinic()
  const [doctor, otherDoctor, patient, otherPatient, admin, otherAdmin] = [
    await t.newDoctor({ clinicId: clinic.id }),
    await t.newDoctor({ clinicId: clinic.id }),
    await t.newPatient(),
    await t.newPatient(),
    await t.newAdmin(),
    await t.newAdmin(),
  ]
  const owner: Record<Role, Caller> = { patient: patient.actor, doctor: doctor.actor, admin }
  let starts = 0
  let past = 0
  let today = 0
  let serial = 0
  let medical: Promise<{ recordId: string; prescriptionId: string }> | undefined

  /** An unused start on the grid, in working hours. */
  function newStart(): string {
    const [day, slot] = [Math.floor(starts / SLOTS_A_DAY), starts++ % SLOTS_A_DAY]
    const week = Math.floor(day / 4)
    return new Date(FIRST_START + (week * 7 + (day % 4)) * DAY + slot * HALF_HOUR).toISOString()
  }

  const newAppointment = (status: AppointmentStatus = 'booked') =>
    t.newAppointment({ patient, doctor, startsAt: newStart(), status, createdBy: patient.actor })
  /** An appointment that has started. */
  const newPastAppointment = (status: AppointmentStatus = 'booked') =>
    t.newAppointment({
      patient,
      doctor,
      startsAt: new Date(PAST_START - ++past * HALF_HOUR),
      status,
      createdBy: patient.actor,
    })
  /** An appointment later on the same day. */
  const newAppointmentToday = (status: AppointmentStatus = 'booked') =>
    t.newAppointment({
      patient,
      doctor,
      startsAt: new Date(TODAY_START + today++ * HALF_HOUR),
      status,
      createdBy: patient.actor,
    })
  /** A hold made by the owner of that role. */
  const newHold = (role: Role) =>
    t.newAppointment({ patient, doctor, startsAt: newStart(), status: 'held', createdBy: owner[role] })
  await newAppointment()
  await t.newAppointment({ patient: otherPatient, doctor: otherDoctor, startsAt: newStart() })

  async function newPayment() {
    const { id } = await newAppointment()
    const paid = await t.as(patient.actor).post('/payments', { appointmentId: id, method: 'cash' })
    return { id: paid.body.id as string, appointmentId: id }
  }

  async function newDocuments() {
    const as = t.as(doctor.actor)
    const record = await as.post(`/patients/${patient.id}/records`, { type: 'visit_note', title: 'A', data: { a: 1 } })
    const medicines = [{ name: 'A', dosage: '1', frequency: 'daily', durationDays: 3 }]
    const prescription = await as.post(`/patients/${patient.id}/prescriptions`, { medicines })
    return { recordId: record.body.id as string, prescriptionId: prescription.body.id as string }
  }

  async function newAttachment(body: Uint8Array<ArrayBuffer>) {
    const { recordId } = await newDocuments()
    const path = `/records/${recordId}/attachments`
    return (await t.as(doctor.actor).post(path, body, { headers: MULTIPART })).body.id as string
  }

  const credentials = () => ({ email: `person-${++serial}@example.org`, password: `a long passphrase ${serial}` })

  /** A patient who can sign in with a password. */
  async function newAccount() {
    const given = credentials()
    const body = { role: 'patient', name: 'Pat Ent', dateOfBirth: '1990-05-17', ...given }
    const { body: tokens } = await t.anonymous.post('/auth/register', body)
    return { ...given, userId: tokens.user.id as string, refreshToken: tokens.refreshToken as string }
  }

  /** Another session of the same person. */
  async function newSession(actor: Caller): Promise<Caller> {
    const sessionId = crypto.randomUUID()
    const now = t.clock.now()
    const later = new Date(now.getTime() + DAY)
    const times = { rotatedAt: now, createdAt: now, lastUsedAt: now, expiresAt: later, idleExpiresAt: later }
    await t.db
      .insertInto('sessions')
      .values({ id: sessionId, userId: actor.userId, ...times })
      .execute()
    return { ...actor, sessionId }
  }

  /** A person of that role with a known password. */
  async function newPasswordHolder(role: Role) {
    const account = await newAccount()
    const of = { patient: t.newPatient, doctor: () => t.newDoctor({ clinicId: clinic.id }), admin: t.newAdmin }
    const made = await of[role]()
    const actor = 'actor' in made ? made.actor : made
    const known = t.db.selectFrom('users').select('passwordHash').where('id', '=', account.userId)
    await t.db.updateTable('users').set({ passwordHash: known }).where('id', '=', actor.userId).execute()
    return { actor, password: account.password }
  }

  return {
    t,
    clinic,
    doctor,
    otherDoctor,
    patient,
    otherPatient,
    owner,
    stranger: { patient: otherPatient.actor, doctor: otherDoctor.actor, admin: otherAdmin } as Record<Role, Caller>,
    newStart,
    newAppointment,
    newHold,
    newPastAppointment,
    newAppointmentToday,
    newPayment,
    /** Created once, since no call changes them. */
    documents: () => (medical ??= newDocuments()),
    newDocuments,
    newAttachment,
    credentials,
    newAccount,
    newSession,
    newPasswordHolder,
  }
}

export type World = Awaited<ReturnType<typeof createWorld>>
