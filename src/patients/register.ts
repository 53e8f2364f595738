import { newId } from '../database/ids'
import type { TransactionContext } from '../deps'
import { requireRule } from '../errors'
import { insertPatient } from './queries'
import { isBorn } from './schemas'
import type { Gender } from './tables'

type NewPatientAccount = {
  userId: string
  email: string
  name: string
  phone?: string
  dateOfBirth: string
  gender?: Gender
  address?: string
}

/** Creates the patient of a new account. Throws validation_failed for a date of birth in the future. */
export async function registerPatient(
  ctx: Pick<TransactionContext<null>, 'db' | 'now'>,
  { phone, gender = 'unknown', address, ...patient }: NewPatientAccount,
): Promise<{ id: string }> {
  requireRule(ctx, 'dateOfBirth', patient.dateOfBirth, isBorn)
  return insertPatient(ctx.db, {
    id: newId(),
    ...patient,
    phone: phone ?? null,
    gender,
    address: address ?? null,
    createdAt: ctx.now,
  })
}
