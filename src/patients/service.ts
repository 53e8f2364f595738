import type { Viewer } from '../access/patients'
import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { AppError, type IfMatch, notFound, requireRule, requireVersion } from '../errors'
import type { History } from '../records/schemas'
import {
  findVisiblePatient,
  findVisiblePatientForUpdate,
  insertPatient,
  updateAccount,
  updatePatientRow,
} from './queries'
import { type CreatePatient, isBorn, type Patient, type UpdatePatient } from './schemas'

type PatientRow = Omit<Patient, 'history'>

export const presentPatient = (
  { id, name, email, phone, dateOfBirth, gender, address }: PatientRow,
  history: History | null = null,
): Patient => ({ id, name, email, phone, dateOfBirth, gender, address, history })

/** Throws not_found when the patient does not exist or the caller may not see them (see `visiblePatients`). */
export async function getPatient(ctx: Viewer & Pick<Context, 'db'>, id: string) {
  const patient = await findVisiblePatient(ctx.db, ctx, { id })
  if (!patient) throw notFound('patient')
  return patient
}

/** Creates a patient without an account. Throws validation_failed for a date of birth in the future. */
export function createPatient(
  ctx: TransactionContext,
  { name, dateOfBirth, gender, email = null, phone = null, address = null }: CreatePatient,
) {
  requireRule(ctx, 'dateOfBirth', dateOfBirth, isBorn)
  return insertPatient(ctx.db, {
    id: newId(),
    userId: null,
    name,
    email,
    phone,
    dateOfBirth,
    gender,
    address,
    createdAt: ctx.now,
  })
}

/** Copies name and phone to the patient's account. Throws not_found, and invalid_state for an erased patient. */
export async function updatePatient(ctx: TransactionContext, id: string, changes: UpdatePatient, ifMatch: IfMatch) {
  if (changes.dateOfBirth !== undefined) requireRule(ctx, 'dateOfBirth', changes.dateOfBirth, isBorn)
  const patient = await findVisiblePatientForUpdate(ctx.db, ctx, id)
  if (!patient) throw notFound('patient')
  requireVersion(patient, ifMatch)
  if (patient.erasedAt) throw new AppError('invalid_state', 'This patient has been erased.')
  const { name, phone } = changes
  if (patient.userId !== null && (name !== undefined || phone !== undefined))
    await updateAccount(ctx.db, patient.userId, { name, phone })
  return updatePatientRow(ctx.db, id, changes)
}
