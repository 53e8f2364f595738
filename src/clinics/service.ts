import { newId } from '../database/ids'
import { lockResources } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { type IfMatch, notFound, requireVersion } from '../errors'
import type { Affected } from '../scheduling/affected/schemas'
import { findOutsideHours } from '../scheduling/affected/service'
import { assertPricesFit, deactivateUnbookable } from '../scheduling/visit-type-currencies'
import { findClinicById, findClinicForUpdate, insertClinic, listDoctorIds, updateClinicRow } from './queries'
import type { Clinic, CreateClinic, UpdateClinic } from './schemas'
import type { ClinicsTable } from './tables'

type ClinicRow = Pick<ClinicsTable, 'id' | 'name' | 'timeZone' | 'currency' | 'address' | 'phone'>

export const presentClinic = ({ id, name, timeZone, currency, address, phone }: ClinicRow): Clinic => ({
  id,
  name,
  timeZone,
  currency,
  address,
  phone,
})

/** Throws not_found. */
export async function getClinic(ctx: Pick<Context, 'db'>, id: string) {
  const clinic = await findClinicById(ctx.db, id)
  if (!clinic) throw notFound('clinic')
  return clinic
}

export function createClinic(ctx: TransactionContext, { address = null, phone = null, ...rest }: CreateClinic) {
  return insertClinic(ctx.db, { id: newId(), createdAt: ctx.now, ...rest, address, phone })
}

/**
 * Appointments keep their instants and terms. A new time zone moves the hours of all doctors of the clinic: it takes their
 * locks, and `outside` lists the appointments that are now outside the hours. A new currency takes the locks
 * too; visit types that could not be booked any more are switched off or named by invalid_state. Throws not_found.
 */
export async function updateClinic(
  ctx: TransactionContext,
  id: string,
  { deactivateVisitTypes = false, ...changes }: UpdateClinic,
  ifMatch: IfMatch,
) {
  if (changes.timeZone !== undefined || changes.currency !== undefined) await lockDoctorsOfClinic(ctx, id)
  const clinic = await findClinicForUpdate(ctx.db, id)
  if (!clinic) throw notFound('clinic')
  requireVersion(clinic, ifMatch)
  const updated = await updateClinicRow(ctx.db, id, changes)
  if (updated.currency !== clinic.currency) {
    if (deactivateVisitTypes) await deactivateUnbookable(ctx.db, { clinicId: id })
    else await assertPricesFit(ctx.db, { clinicId: id })
  }
  const outside: Affected | undefined =
    updated.timeZone === clinic.timeZone ? undefined : await findOutsideHours(ctx, { clinicId: id })
  return { clinic: updated, outside }
}

/**
 * Blocks bookings with all doctors of the clinic, and any change of which doctors these are or of its opening days. Call it
 * before any row lock. A doctor who joined while this waited for the clinic's lock is locked afterwards.
 */
export async function lockDoctorsOfClinic(ctx: Pick<TransactionContext, 'db'>, clinicId: string): Promise<void> {
  const known = new Set(await listDoctorIds(ctx.db, clinicId))
  await lockResources(ctx.db, [clinicId, ...known])
  const joined = (await listDoctorIds(ctx.db, clinicId)).filter((id) => !known.has(id))
  if (joined.length > 0) await lockResources(ctx.db, joined)
}
