import { form, MULTIPART, pdf } from '../records/files'
import { APPOINTMENT_CALLS } from './appointment-calls'
import type { Call, Entry } from './call'
import { PAYMENT_CALLS } from './payment-calls'
import { PRIVACY_CALLS } from './privacy-calls'
import { WAITING_CALLS } from './waiting-calls'
import type { World } from './world'

const ofDoctor = ({ doctor }: World): Call => ({ path: { id: doctor.id } })
const ofPatient = ({ patient }: World): Call => ({ path: { id: patient.id } })
const ofVisitType = ({ doctor }: World): Call => ({ path: { id: doctor.id, visitTypeId: doctor.visitTypeId } })
const nothing = (): Call => ({})
async function ofPatientWithDocuments(world: World): Promise<Call> {
  await world.documents()
  return ofPatient(world)
}

const days = { startsOn: '2030-12-24', endsOn: '2030-12-26' }
const hours = { startsAt: '2030-07-01T13:00:00Z', endsAt: '2030-07-01T21:00:00Z' }

/** Uses a new clinic, since a closure or many rooms would disturb the other calls. */
async function ofNewClinic(world: World, part?: 'room' | 'closure'): Promise<Call> {
  const { id } = await world.t.newClinic()
  if (!part) return { path: { id } }
  const body = part === 'room' ? { name: 'Room 1' } : days
  const made = await world.t.as(world.owner.admin).post(`/clinics/${id}/${part}s`, body)
  return { path: { id, [`${part}Id`]: made.body.id } }
}

async function ofException({ t, owner }: World): Promise<Call> {
  const made = await t.as(owner.doctor).post('/doctors/availability/exceptions', { ...hours, kind: 'off' })
  return { path: { exceptionId: made.body.id } }
}

const BOTH: Entry['strangers'] = { patient: 404, doctor: 404 }
const DOCTOR: Entry['strangers'] = { doctor: 404 }
const weekly = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, start: '09:00', end: '17:00' }))
const medicines = [{ name: 'Amoxicillin', dosage: '500 mg', frequency: 'daily', durationDays: 7 }]
const scan = form({ filename: 'scan.pdf', content: pdf() })
const price = { amount: 9500, currency: 'USD' }

/** A working request for every operation; an operation without an entry fails the contract tests. */
export const CALLS: Record<string, Entry> = {
  ...PRIVACY_CALLS,
  ...WAITING_CALLS,
  'POST /auth/register': {
    call: (world) => ({
      body: { role: 'patient', name: 'Ada', dateOfBirth: '1990-05-17', ...world.credentials() },
    }),
    strangers: 'none',
  },
  'POST /auth/login': {
    call: async (world) => {
      const { email, password } = await world.newAccount()
      return { body: { email, password } }
    },
    strangers: 'none',
  },
  'POST /auth/refresh': {
    call: async (world) => ({ body: { refreshToken: (await world.newAccount()).refreshToken } }),
    strangers: 'none',
  },
  'POST /auth/logout': {
    call: async (world, role) => ({ as: await world.newSession(world.owner[role]) }),
    strangers: 'none',
  },
  'GET /auth/me': { call: nothing, strangers: 'none' },
  'GET /auth/sessions': { call: nothing, strangers: 'none' },
  'DELETE /auth/sessions/{id}': {
    call: async (world, role) => ({ path: { id: (await world.newSession(world.owner[role])).sessionId } }),
    strangers: { patient: 404, doctor: 404, admin: 404 },
  },
  'PUT /auth/password': {
    call: async (world, role) => {
      const { actor, password } = await world.newPasswordHolder(role)
      return { as: actor, body: { currentPassword: password, newPassword: 'another long passphrase' } }
    },
    strangers: 'none',
  },
  'GET /users': { call: nothing, strangers: 'none' },
  'PATCH /users/{id}': {
    call: ({ otherPatient }) => ({ path: { id: otherPatient.actor.userId }, body: { status: 'active' } }),
    strangers: 'none',
  },

  'GET /clinics': { call: nothing, strangers: 'none' },
  'GET /clinics/{id}': { call: ({ clinic }) => ({ path: { id: clinic.id } }), strangers: 'none' },
  'POST /clinics': {
    call: () => ({ body: { name: 'Harbor', timeZone: 'Europe/Berlin', currency: 'EUR' } }),
    strangers: 'none',
  },
  'PATCH /clinics/{id}': {
    call: ({ clinic }) => ({ path: { id: clinic.id }, body: { name: 'Harbor' } }),
    strangers: 'none',
  },
  'GET /clinics/{id}/rooms': {
    call: async (world) => ({ path: { id: (await ofNewClinic(world, 'room')).path!.id! } }),
    strangers: 'none',
  },
  'POST /clinics/{id}/rooms': {
    call: async (world) => ({ ...(await ofNewClinic(world)), body: { name: 'Room 1' } }),
    strangers: 'none',
  },
  'GET /clinics/{id}/rooms/{roomId}': { call: (world) => ofNewClinic(world, 'room'), strangers: 'none' },
  'PATCH /clinics/{id}/rooms/{roomId}': {
    call: async (world) => ({ ...(await ofNewClinic(world, 'room')), body: { name: 'Room 2' } }),
    strangers: 'none',
  },
  'DELETE /clinics/{id}/rooms/{roomId}': { call: (world) => ofNewClinic(world, 'room'), strangers: 'none' },
  'GET /clinics/{id}/closures': {
    call: async (world) => ({ path: { id: (await ofNewClinic(world, 'closure')).path!.id! } }),
    strangers: 'none',
  },
  'POST /clinics/{id}/closures': {
    call: async (world) => ({ ...(await ofNewClinic(world)), body: { ...days, reason: 'Christmas' } }),
    strangers: 'none',
  },
  'GET /clinics/{id}/closures/{closureId}': { call: (world) => ofNewClinic(world, 'closure'), strangers: 'none' },
  'DELETE /clinics/{id}/closures/{closureId}': { call: (world) => ofNewClinic(world, 'closure'), strangers: 'none' },
  'GET /specializations': { call: nothing, strangers: 'none' },

  'GET /doctors': { call: nothing, strangers: 'none' },
  'GET /doctors/{id}': { call: ofDoctor, strangers: 'none' },
  'PATCH /doctors/{id}': { call: (world) => ({ ...ofDoctor(world), body: { bio: 'Kind.' } }), strangers: DOCTOR },
  'PUT /doctors/{id}/verify': {
    call: async ({ t, clinic }) => ({
      path: { id: (await t.newDoctor({ clinicId: clinic.id, verified: false })).id },
      body: { clinicIds: [clinic.id] },
    }),
    strangers: 'none',
  },
  'PUT /doctors/{id}/unverify': {
    call: async ({ t, clinic }) => ({ path: { id: (await t.newDoctor({ clinicId: clinic.id })).id } }),
    strangers: 'none',
  },
  'POST /doctors/availability': {
    call: ({ clinic, doctor }) => ({ body: { doctorId: doctor.id, clinicId: clinic.id, weekly } }),
    strangers: DOCTOR,
  },
  'POST /doctors/availability/exceptions': {
    call: ({ clinic, doctor }) => ({ body: { ...hours, doctorId: doctor.id, clinicId: clinic.id, kind: 'extra' } }),
    strangers: DOCTOR,
  },
  'GET /doctors/availability/exceptions/{exceptionId}': { call: ofException, strangers: DOCTOR },
  'DELETE /doctors/availability/exceptions/{exceptionId}': { call: ofException, strangers: DOCTOR },
  'GET /doctors/{id}/availability': { call: ofDoctor, strangers: 'none' },
  'GET /doctors/{id}/slots': { call: ofDoctor, strangers: 'none' },
  'GET /doctors/{id}/slots/explanation': {
    call: (world) => ({ ...ofDoctor(world), query: { startsAt: '2026-01-06T14:00:00Z' } }),
    strangers: DOCTOR,
  },
  'GET /slots': { call: ({ clinic }) => ({ query: { clinicId: clinic.id } }), strangers: 'none' },
  'GET /doctors/{id}/visit-types': { call: ofDoctor, strangers: 'none' },
  'POST /doctors/{id}/visit-types': {
    call: (world) => ({ ...ofDoctor(world), body: { name: 'First visit', price } }),
    strangers: DOCTOR,
  },
  'GET /doctors/{id}/visit-types/{visitTypeId}': { call: ofVisitType, strangers: 'none' },
  'PATCH /doctors/{id}/visit-types/{visitTypeId}': {
    call: (world) => ({ ...ofVisitType(world), body: { price } }),
    strangers: DOCTOR,
  },

  'GET /patients': {
    call: ({ patient }) => ({ query: { q: patient.name } }),
    strangers: { doctor: 'empty' },
  },
  'POST /patients': { call: () => ({ body: { name: 'Phone Patient', dateOfBirth: '1990-05-17' } }), strangers: 'none' },
  'GET /patients/{id}': { call: ofPatient, strangers: BOTH },
  'PATCH /patients/{id}': {
    call: (world) => ({ ...ofPatient(world), body: { phone: '+1 212 555 0100' } }),
    strangers: { patient: 404 },
  },
  'GET /patients/{id}/records': { call: ofPatientWithDocuments, strangers: BOTH },
  'POST /patients/{id}/records': {
    call: (world) => ({ ...ofPatient(world), body: { type: 'visit_note', title: 'Cough', data: { days: 3 } } }),
    strangers: DOCTOR,
  },
  'GET /records/{id}': {
    call: async (world) => ({ path: { id: (await world.documents()).recordId } }),
    strangers: BOTH,
  },
  'POST /records/{id}/amendments': {
    call: async (world) => ({
      path: { id: (await world.newDocuments()).recordId },
      body: { reason: 'Misheard', data: { days: 4 } },
    }),
    strangers: DOCTOR,
  },
  'POST /records/{id}/attachments': {
    call: async (world) => ({ path: { id: (await world.newDocuments()).recordId }, upload: scan }),
    strangers: DOCTOR,
  },
  'GET /attachments/{id}': {
    call: async (world) => ({ path: { id: await world.newAttachment(scan) } }),
    strangers: BOTH,
  },
  'PUT /prescriptions/{id}/stop': {
    call: async (world) => ({
      path: { id: (await world.newDocuments()).prescriptionId },
      body: { reason: 'Rash', data: { severity: 'mild' } },
    }),
    strangers: DOCTOR,
  },
  'PUT /prescriptions/{id}/renew': {
    call: async (world) => ({
      path: { id: (await world.newDocuments()).prescriptionId },
      body: { reason: 'Well tolerated', until: '2026-06-30' },
    }),
    strangers: DOCTOR,
  },
  'GET /patients/{id}/prescriptions': { call: ofPatientWithDocuments, strangers: BOTH },
  'POST /patients/{id}/prescriptions': {
    call: (world) => ({ ...ofPatient(world), body: { medicines } }),
    strangers: DOCTOR,
  },
  'GET /prescriptions/{id}': {
    call: async (world) => ({ path: { id: (await world.documents()).prescriptionId } }),
    strangers: BOTH,
  },

  ...APPOINTMENT_CALLS,

  ...PAYMENT_CALLS,

  'GET /health/live': { call: nothing, strangers: 'none' },
  'GET /health/ready': { call: nothing, strangers: 'none' },
  'GET /metrics': { call: nothing, strangers: 'none' },
  'GET /openapi.json': { call: nothing, strangers: 'none' },
  'GET /docs': { call: nothing, strangers: 'none' },
  'GET /audit/verify': { call: nothing, strangers: 'none' },
  'GET /audit': { call: nothing, strangers: 'none', mayBeEmpty: true },
}

/** The address of a call: parameters filled in, query appended. */
export function addressOf(path: string, { path: parameters = {}, query = {} }: Call): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name]
    if (value === undefined) throw new Error(`the entry of ${path} gives no ${name}`)
    return encodeURIComponent(value)
  })
  const search = new URLSearchParams(query).toString()
  return search === '' ? filled : `${filled}?${search}`
}

/** The body to send, and the headers, with the content type of an upload. */
export const sentBy = ({ body, upload, headers }: Pick<Call, 'body' | 'upload' | 'headers'>) => ({
  body: upload ?? (body === undefined ? undefined : JSON.stringify(body)),
  headers: { ...(upload && MULTIPART), ...headers } as Record<string, string>,
})
