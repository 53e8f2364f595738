import { NOW, type TestApp } from '../support/app'

export const note = (title = 'Visit', extra = {}) => ({ type: 'visit_note', title, data: { plan: 'rest' }, ...extra })
export const medicine = { name: 'Lisinopril', dosage: '10 mg', frequency: 'once a day', durationDays: 90 }

/** Makes a doctor and a patient with an appointment at `NOW` as their only treatment relationship. */
export function pairsOf(t: TestApp, clinic: { id: string }) {
  return async function newPair() {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    const appointment = await t.newAppointment({ patient, doctor, startsAt: NOW })
    return { doctor, patient, appointment, asDoctor: t.as(doctor.actor), asPatient: t.as(patient.actor) }
  }
}
