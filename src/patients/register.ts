import { newId } from '../database/ids'
import type { TransactionContext } from '../deps'
import { invalid } from '../errors'
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

/** Somewhere on earth it is already tomorrow: UTC+14 is the furthest zone. */
const FURTHEST_ZONE_MS = 14 * 3_600_000

/** The patient a new account belongs to. Throws 422 for a day of birth that lies ahead. */
export async function registerPatient(
  ctx: Pick<TransactionContext<null>, 'db' | 'now'>,
  { phone, gender = 'unknown', address, ...patient }: NewPatientAccount,
): Promise<{ id: string }> {
  const latestToday = new Date(ctx.now.getTime() + FURTHEST_ZONE_MS).toISOString().slice(0, 10)
  if (patient.dateOfBirth > latestToday) throw invalid('dateOfBirth', 'must not lie ahead')
  const id = newId()
  await ctx.db
    .insertInto('patients')
    .values({ id, ...patient, phone: phone ?? null, gender, address: address ?? null, createdAt: ctx.now })
    .execute()
  return { id }
}
