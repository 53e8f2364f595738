import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database/schema'
import { AppError } from '../errors'

/** One doctor, or all doctors of a clinic. */
type Doctors = { doctorId: string } | { clinicId: string }

/** Names that an error lists at most. */
const MAX_NAMED = 100

/** Whether a visit type can be booked at a clinic: free ones everywhere, all others only in the clinic's currency. */
export const isPricedIn = (visitType: { priceAmount: number; priceCurrency: string }, currency: string): boolean =>
  visitType.priceAmount === 0 || visitType.priceCurrency === currency

/** Active visit types with a price in a currency that none of the doctor's clinics has; a doctor without a clinic has none. */
const unbookableVisitTypes = (db: Kysely<Database>, doctors: Doctors) =>
  db
    .selectFrom('visitTypes')
    .where('visitTypes.active', '=', true)
    .where('visitTypes.priceAmount', '>', 0)
    .where(
      sql<boolean>`(select not visit_types.price_currency = any(array_agg(clinics.currency))
        from doctor_clinics join clinics on clinics.id = doctor_clinics.clinic_id
        where doctor_clinics.doctor_id = visit_types.doctor_id)`,
    )
    .where(({ eb, selectFrom }) =>
      'doctorId' in doctors
        ? eb('visitTypes.doctorId', '=', doctors.doctorId)
        : eb(
            'visitTypes.doctorId',
            'in',
            selectFrom('doctorClinics').select('doctorClinics.doctorId').where('clinicId', '=', doctors.clinicId),
          ),
    )

/**
 * Call it after a change of a clinic's currency or of a doctor's clinics, under the locks of both. Throws invalid_state that
 * names the active visit types which could no longer be booked anywhere.
 */
export async function assertPricesFit(db: Transaction<Database>, doctors: Doctors): Promise<void> {
  const visitTypes = await unbookableVisitTypes(db, doctors)
    .select(['visitTypes.id', 'visitTypes.doctorId', 'visitTypes.name'])
    .orderBy('visitTypes.id')
    .limit(MAX_NAMED)
    .execute()
  if (visitTypes.length === 0) return
  const detail = 'These visit types have a price in a currency that no clinic of their doctor would have.'
  throw new AppError('invalid_state', detail, { visitTypes })
}

/** Switches off the visit types that `assertPricesFit` would name; returns how many. */
export async function deactivateUnbookable(db: Transaction<Database>, doctors: Doctors): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('visitTypes')
    .set({ active: false })
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', 'in', unbookableVisitTypes(db, doctors).select('visitTypes.id'))
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}
