import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { notFound, versionMismatch } from '../errors'
import { findClinicById, findClinicForUpdate, insertClinic, updateClinic as updateClinicRow } from './queries'
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

/** Appointments keep the instants and terms they were booked with, whatever changes here. */
export async function updateClinic(ctx: TransactionContext, id: string, changes: UpdateClinic, ifMatch: number | null) {
  const clinic = await findClinicForUpdate(ctx.db, id)
  if (!clinic) throw notFound('clinic')
  if (ifMatch !== null && ifMatch !== clinic.version) throw versionMismatch(clinic.version)
  return updateClinicRow(ctx.db, id, changes)
}
