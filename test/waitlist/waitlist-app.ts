import { expireHolds } from '../../src/appointments/holds/service'
import { offerFreedTime } from '../../src/waitlist/offer'
import { createJobRunner } from '../jobs/run-jobs'
import { createTestApp } from '../support/app'

export const MINUTE = 60_000
/** 10:00 in New York on the Tuesday after `NOW`. */
export const TEN = '2026-01-06T15:00:00Z'

/** The app with one clinic and helpers for waiting list tests. */
export async function createWaitlistApp(environment: Record<string, string> = {}) {
  const t = await createTestApp(environment)
  const clinic = await t.newClinic()
  const { run } = await createJobRunner(t, { 'waitlist.time_freed': (freed) => offerFreedTime(t.deps, freed) })
  const newDoctor = (specialization?: string) => t.newDoctor({ clinicId: clinic.id, specialization })
  type Patient = Awaited<ReturnType<typeof t.newPatient>>
  type Doctor = Awaited<ReturnType<typeof newDoctor>>
  const days = { from: '2026-01-05', to: '2026-01-16' }

  return {
    ...t,
    clinic,
    days,
    runJobs: run,
    newCardiologist: newDoctor,
    async book(patient: Patient, doctor: Doctor, startsAt = TEN) {
      const booked = await t.as(patient.actor).post('/appointments', { doctorId: doctor.id, startsAt })
      if (booked.status !== 201) throw new Error(`not booked: ${booked.text}`)
      return booked.body.id as string
    },
    cancel: (patient: Patient, id: string) => t.as(patient.actor).put(`/appointments/${id}/cancel`),
    async wait(patient: Patient, wish: Record<string, unknown>) {
      const joined = await t.as(patient.actor).post('/waitlist', { ...days, ...wish })
      if (joined.status !== 201) throw new Error(`did not join: ${joined.text}`)
      return joined.body.id as string
    },
    async entryOf(patient: Patient, id: string) {
      const { status, body } = await t.as(patient.actor).get(`/waitlist/${id}`)
      if (status !== 200) throw new Error(`no entry: ${status}`)
      return body
    },
    /** Books a slot of the doctor for a new patient and cancels it, which enqueues the job that offers it. */
    async free(doctor: Doctor, startsAt = TEN) {
      const somebody = await t.newPatient()
      await this.cancel(somebody, await this.book(somebody, doctor, startsAt))
    },
    /** Expires holds and runs the jobs, as the background tasks do. */
    async settle() {
      await expireHolds(t.deps, t.clock.now())
      await run()
    },
  }
}
