import type { Viewer } from '../access/patients'
import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { AppError, invalid, notFound, requireVersion } from '../errors'
import type { History } from '../records/schemas'
import {
  findVisiblePatient,
  findVisiblePatientForUpdate,
  insertPatient,
  updateAccount,
  updatePatient as updatePatientRow,
} from './queries'
import type { CreatePatient, Patient, UpdatePatient } from './schemas'

type PatientRow = Omit<Patient, 'history'>

export const presentPatient = (
  { id, name, email, phone, dateOfBirth, gender, address }: PatientRow,
  history: History | null = null,
): Patient => ({ id, name, email, phone, dateOfBirth, gender, address, history })

/** Throws not_found for one who does not exist or whom the caller may not see (see access.ts). */
export async function getPatient(ctx: Viewer & Pick<Context, 'db'>, id: string) {
  const patient = await findVisiblePatient(ctx.db, ctx, { id })
  if (!patient) throw notFound('patient')
  return patient
}

/** A patient without an account: somebody who books by telephone, a child. */
export function createPatient(
  ctx: TransactionContext,
  { name, dateOfBirth, gender, email = null, phone = null, address = null }: CreatePatient,
) {
  requireBorn(ctx, dateOfBirth)
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

/** Keeps the name and phone of the patient's account, if there is one, in step. Throws invalid_state for one who was erased. */
export async function updatePatient(
  ctx: TransactionContext,
  id: string,
  changes: UpdatePatient,
  ifMatch: number | null,
) {
  if (changes.dateOfBirth !== undefined) requireBorn(ctx, changes.dateOfBirth)
  const patient = await findVisiblePatientForUpdate(ctx.db, ctx, id)
  if (!patient) throw notFound('patient')
  requireVersion(patient, ifMatch)
  if (patient.erasedAt) throw new AppError('invalid_state', 'This patient has been erased.')
  const { name, phone } = changes
  if (patient.userId !== null && (name !== undefined || phone !== undefined))
    await updateAccount(ctx.db, patient.userId, { name, phone })
  return updatePatientRow(ctx.db, id, changes)
}

const MOST_AHEAD_OF_UTC = 14 * 3_600_000

/** Throws 422 for a day that has begun nowhere on earth yet. */
export function requireBorn({ now }: { now: Date }, dateOfBirth: string): void {
  const latest = new Date(now.getTime() + MOST_AHEAD_OF_UTC).toISOString().slice(0, 10)
  if (dateOfBirth > latest) throw invalid('dateOfBirth', 'must not lie in the future')
}
