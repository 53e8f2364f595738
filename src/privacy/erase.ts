import { endSessions } from '../auth/sessions'
import { lockResources } from '../database/transaction'
import type { TransactionContext } from '../deps'
import { AppError, notFound } from '../errors'
import {
  deleteGuardians,
  deleteStoredAnswers,
  deleteWaitlistEntries,
  findPatientForErasure,
  forgetDevices,
  hasOpenAppointments,
  pseudonymiseAccount,
  pseudonymisePatient,
} from './erase-queries'

const NAME = 'Erased patient'
/** A name of a domain that can never be (RFC 2606). */
const emailFor = (userId: string) => `erased+${userId}@erased.invalid`

/**
 * Takes name and contact data from patient and account and closes the account for good. What the law wants kept stays:
 * clinical documents, appointments, payments and the audit trail, none of which hold a name. Doing it again changes
 * nothing. Takes the patient's lock. Throws not_found, and invalid_state while appointments lie ahead.
 */
export async function erasePatient(ctx: TransactionContext, id: string): Promise<{ erasedAt: Date }> {
  const { db, now } = ctx
  await lockResources(db, [id])
  const patient = await findPatientForErasure(db, id)
  if (!patient) throw notFound('patient')
  if (patient.erasedAt) return { erasedAt: patient.erasedAt }
  if (await hasOpenAppointments(db, id, now))
    throw new AppError('invalid_state', 'Appointments lie ahead: cancel them first.')

  const { userId } = patient
  await pseudonymisePatient(db, id, { name: NAME, erasedAt: now })
  if (userId !== null) {
    await pseudonymiseAccount(db, userId, { name: NAME, email: emailFor(userId), passwordHash: 'none' })
    await endSessions(ctx, { userId })
    await forgetDevices(db, userId)
  }
  await deleteGuardians(db, id, userId)
  await deleteWaitlistEntries(db, id)
  await deleteStoredAnswers(db, id, userId)
  return { erasedAt: now }
}
