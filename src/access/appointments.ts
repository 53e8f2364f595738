import { type Expression, expressionBuilder, type Kysely, type SqlBool } from 'kysely'
import type { Caller, Identity } from '../actor'
import type { Database } from '../database/schema'
import { ownPatients } from './patients'

/** Condition on `appointments`: patients see their own and their wards' appointments, doctors their own, admins all. */
export function visibleAppointments({ role, userId, doctorId }: Identity): Expression<SqlBool> {
  const { eb, lit } = expressionBuilder<Database, 'appointments'>()
  if (role === 'admin') return lit(true)
  if (role === 'doctor') return eb('appointments.doctorId', '=', doctorId ?? null)
  return eb('appointments.patientId', 'in', ownPatients(userId))
}

/** Whether all these appointments exist and the caller may see them. */
export async function canSeeAppointments(
  { db, actor }: { db: Kysely<Database>; actor: Caller },
  ids: string[],
): Promise<boolean> {
  const { count } = await db
    .selectFrom('appointments')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('appointments.id', 'in', ids)
    .where(visibleAppointments(actor))
    .executeTakeFirstOrThrow()
  return count === new Set(ids).size
}
