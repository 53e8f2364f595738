import { endSessions } from '../../auth/sessions/service'
import { lockResources } from '../../database/transaction'
import type { TransactionContext } from '../../deps'
import { AppError, notFound } from '../../errors'
import {
  clearSessionDevices,
  deleteGuardians,
  deleteStoredAnswers,
  deleteWaitlistEntries,
  findPatientForErasure,
  hasOpenAppointments,
  pseudonymiseAccount,
  pseudonymisePatient,
} from './queries'

const NAME = 'Erased patient'
/** The domain `.invalid` never exists (RFC 2606). */
const emailFor = (userId: string) => `erased+${userId}@erased.invalid`

/**
 * Erases name and contact data of the patient and closes the account for good. Clinical documents, appointments, payments
 * and the audit trail stay, as the law requires; none of them holds a name. A second call changes nothing. Takes the
 * patient's lock. Throws not_found, and invalid_state while the patient has open appointments.
 */
export async function erasePatient(ctx: TransactionContext, id: string): Promise<{ erasedAt: Date }> {
  const { db, now } = ctx
  await lockResources(db, [id])
  const patient = await findPatientForErasure(db, id)
  if (!patient) throw notFound('patient')
  if (patient.erasedAt) return { erasedAt: patient.erasedAt }
  if (await hasOpenAppointments(db, id, now))
    throw new AppError('invalid_state', 'The patient has open appointments: cancel or complete them first.')

  const { userId } = patient
  await pseudonymisePatient(db, id, { name: NAME, erasedAt: now })
  if (userId !== null) {
    await pseudonymiseAccount(db, userId, { name: NAME, email: emailFor(userId), passwordHash: 'none' })
    await endSessions(ctx, { userId })
    await clearSessionDevices(db, userId)
  }
  await deleteGuardians(db, id, userId)
  await deleteWaitlistEntries(db, id)
  await deleteStoredAnswers(db, id, userId)
  return { erasedAt: now }
}
