import { newId } from '../database/ids'
import { lockResources } from '../database/transaction'
import type { TransactionContext } from '../deps'
import { invalid } from '../errors'
import { findOnlyClinic, insertDoctor, insertFirstVisitType } from './queries'

type NewDoctorAccount = {
  userId: string
  name: string
  specialization: string
  licenseNumber: string
  /** Minor units. */
  fee?: { amount: number; currency: string }
  bio?: string
}

/**
 * The doctor of a new account, with a "Consultation" of 30 minutes at their fee (0 by default). If there is only one clinic,
 * the doctor joins it, under its lock. Throws 422 for a fee in another currency than that clinic's.
 */
export async function registerDoctor(
  ctx: Pick<TransactionContext<null>, 'db' | 'now' | 'config'>,
  { userId, name, specialization, licenseNumber, fee, bio }: NewDoctorAccount,
): Promise<{ id: string }> {
  const { db, now, config } = ctx
  const only = await findOnlyClinic(db)
  if (only) await lockResources(db, [only.id])
  // Its currency may have changed while this waited for the lock.
  const clinic = only && (await findOnlyClinic(db))
  const price = fee ?? { amount: 0, currency: clinic?.currency ?? 'USD' }
  if (clinic && price.currency !== clinic.currency)
    throw invalid('fee.currency', `must be the clinic's currency, ${clinic.currency}`)

  const id = newId()
  const verifiedAt = config.doctorVerification ? null : now
  const doctor = { id, userId, name, specialization, licenseNumber, bio: bio ?? null, verifiedAt, createdAt: now }
  await insertDoctor(db, doctor, clinic?.id)
  await insertFirstVisitType(db, {
    id: newId(),
    doctorId: id,
    name: 'Consultation',
    durationMinutes: 30,
    slotIntervalMinutes: 30,
    priceAmount: price.amount,
    priceCurrency: price.currency,
    createdAt: now,
  })
  return { id }
}
