import { newId } from '../database/ids'
import type { TransactionContext } from '../deps'
import { invalid } from '../errors'

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
 * The doctor a new account belongs to, with a "Consultation" of 30 minutes at their fee (free without one). Joins the
 * only clinic where there is just one. Throws 422 for a fee in another currency than that clinic's.
 */
export async function registerDoctor(
  ctx: Pick<TransactionContext<null>, 'db' | 'now' | 'config'>,
  { userId, name, specialization, licenseNumber, fee, bio }: NewDoctorAccount,
): Promise<{ id: string }> {
  const { db, now, config } = ctx
  const clinics = await db.selectFrom('clinics').select(['id', 'currency']).limit(2).execute()
  const clinic = clinics.length === 1 ? clinics[0] : undefined
  const price = fee ?? { amount: 0, currency: clinic?.currency ?? 'USD' }
  if (clinic && price.currency !== clinic.currency)
    throw invalid('fee.currency', `must be the clinic's currency, ${clinic.currency}`)

  const id = newId()
  await db
    .insertInto('doctors')
    .values({
      id,
      userId,
      name,
      specialization,
      licenseNumber,
      bio: bio ?? null,
      verifiedAt: config.doctorVerification ? null : now,
      createdAt: now,
    })
    .execute()
  if (clinic) await db.insertInto('doctorClinics').values({ doctorId: id, clinicId: clinic.id }).execute()
  await db
    .insertInto('visitTypes')
    .values({
      id: newId(),
      doctorId: id,
      name: 'Consultation',
      durationMinutes: 30,
      slotIntervalMinutes: 30,
      priceAmount: price.amount,
      priceCurrency: price.currency,
      createdAt: now,
    })
    .execute()
  return { id }
}
