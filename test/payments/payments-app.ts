import { createTestApp, NOW } from '../support/app'
import { until } from '../support/until'

const TWO_HOURS = 7_200_000

/** An app with an admin, a clinic, a doctor and helpers for payment tests. */
export async function createPaymentsApp(environment: Record<string, string> = {}) {
  const t = await createTestApp(environment)
  const admin = await t.newAdmin()
  const clinic = await t.newClinic()
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  let slots = 0

  type Patient = Awaited<ReturnType<typeof t.newPatient>>
  type Terms = Partial<Omit<Parameters<typeof t.newAppointment>[0], 'patient' | 'doctor'>>

  const paymentsOf = (appointmentId: string) =>
    t.db.selectFrom('payments').selectAll().where('appointmentId', '=', appointmentId).execute()

  const auditOf = (targetId: string) => t.auditEvents().selectAll().where('targetId', '=', targetId).execute()

  /** An appointment at a time that no other booking uses. */
  async function booking(terms: Terms = {}, owner?: Patient) {
    const patient = owner ?? (await t.newPatient())
    const startsAt = new Date(NOW.getTime() + ++slots * TWO_HOURS)
    const appointment = await t.newAppointment({ patient, doctor, startsAt, ...terms })
    return { patient, appointmentId: appointment.id }
  }

  /** A payment for a new appointment, with `values` written over its row and its audit events deleted. */
  async function storedPayment(
    values: Partial<Awaited<ReturnType<typeof paymentsOf>>[number]> = {},
    owner?: Patient,
  ): Promise<{ id: string; appointmentId: string; patient: Patient }> {
    const { patient, appointmentId } = await booking({}, owner)
    const { body } = await t.as(admin).post('/payments', pay(appointmentId))
    await t.db.deleteFrom('auditOutbox').where('targetId', '=', body.id).execute()
    if (Object.keys(values).length > 0)
      await t.db.updateTable('payments').set(values).where('id', '=', body.id).execute()
    return { ...body, patient }
  }

  /** Resolves once a connection of this database waits for a lock. */
  const somebodyWaits = () =>
    until(async () => {
      const { rowCount } = await t.deps.postgres.pool.query(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
      return rowCount !== 0
    })

  return { ...t, admin, clinic, doctor, booking, storedPayment, paymentsOf, auditOf, somebodyWaits }
}

export const pay = (appointmentId: string) => ({ appointmentId, method: 'cash' })
