import type { Entry } from './call'

const BOTH: Entry['strangers'] = { patient: 404, doctor: 404 }
const DOCTOR: Entry['strangers'] = { doctor: 404 }

export const APPOINTMENT_CALLS: Record<string, Entry> = {
  'POST /appointments': {
    call: ({ doctor, patient, newStart }) => ({
      body: { doctorId: doctor.id, patientId: patient.id, startsAt: newStart() },
    }),
    strangers: { patient: 404, doctor: 403 },
    thing: 'patientId',
  },
  'GET /appointments': {
    call: ({ doctor, patient }) => ({ query: { doctorId: doctor.id, patientId: patient.id } }),
    strangers: { patient: 'empty', doctor: 'empty' },
  },
  'GET /appointments/{id}': {
    call: async (world) => ({ path: { id: (await world.newAppointment()).id } }),
    strangers: BOTH,
  },
  'PUT /appointments/{id}/cancel': {
    call: async (world) => ({ path: { id: (await world.newAppointment()).id }, body: { reason: 'Travel' } }),
    strangers: BOTH,
  },
  'GET /appointments/{id}/cancellation-quote': {
    call: async (world) => ({ path: { id: (await world.newAppointment()).id } }),
    strangers: BOTH,
  },
  'PUT /appointments/{id}/reschedule': {
    call: async (world) => ({
      path: { id: (await world.newAppointment()).id },
      body: { startsAt: world.newStart(), clinicId: world.clinic.id },
    }),
    strangers: BOTH,
  },
  'PUT /appointments/{id}/check-in': {
    call: async (world) => ({ path: { id: (await world.newAppointmentToday()).id }, body: { reason: 'A slip' } }),
    strangers: DOCTOR,
  },
  'PUT /appointments/{id}/undo-check-in': {
    call: async (world) => ({
      path: { id: (await world.newAppointmentToday('checked_in')).id },
      body: { reason: 'A slip' },
    }),
    strangers: DOCTOR,
  },
  'PUT /appointments/{id}/complete': {
    call: async (world) => ({
      path: { id: (await world.newPastAppointment('checked_in')).id },
      body: { reason: 'A slip' },
    }),
    strangers: DOCTOR,
  },
  'PUT /appointments/{id}/no-show': {
    call: async (world) => ({ path: { id: (await world.newPastAppointment()).id } }),
    strangers: DOCTOR,
  },
  'PUT /appointments/{id}/confirm': {
    call: async (world, role) => ({ path: { id: (await world.newHold(role)).id } }),
    strangers: BOTH,
  },
}
