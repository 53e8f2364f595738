import { canSeePatient } from '../../access/patients'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, invalid, notFound } from '../../errors'
import { cursorId, decodeCursor, type Page, toPage } from '../../http/pagination'
import { getPatient } from '../service'
import { deleteGuardian, findAccountOfGuardian, insertGuardian, listGuardianRows } from './queries'
import type { Guardian, ListGuardiansQuery } from './schemas'

/** Throws not_found for a patient whom the caller may not see. */
export async function listGuardians(
  ctx: Context,
  patientId: string,
  { limit, cursor }: ListGuardiansQuery,
): Promise<Page<Guardian>> {
  if (!(await canSeePatient(ctx, patientId))) throw notFound('patient')
  const [after] = decodeCursor(cursor, cursorId) ?? []
  const rows = await listGuardianRows(ctx.db, patientId, { limit: limit + 1, after })
  return toPage(
    rows,
    limit,
    ({ userId }) => [userId],
    (row) => row,
  )
}

/**
 * Takes the locks of the patient and of the guardian's own patient, as erasures of either do. Throws not_found for the
 * patient, validation_failed unless the user has an active patient account of somebody else, and invalid_state for an erased
 * patient and a guardian whom the patient has already.
 */
export async function addGuardian(ctx: TransactionContext, patientId: string, userId: string): Promise<Guardian> {
  const unlocked = await findAccountOfGuardian(ctx.db, userId)
  await lockResources(ctx.db, [patientId, ...(unlocked?.patientId ? [unlocked.patientId] : [])])
  const patient = await getPatient(ctx, patientId)
  const account = await findAccountOfGuardian(ctx.db, userId)
  if (account?.role !== 'patient' || account.status !== 'active')
    throw invalid('userId', 'must be an active account of a patient')
  if (account.patientId === patientId) throw invalid('userId', 'must not be the account of the patient')
  if (patient.erasedAt) throw new AppError('invalid_state', 'This patient has been erased.')
  if (!(await insertGuardian(ctx.db, patientId, userId)))
    throw new AppError('invalid_state', 'The user is a guardian of this patient already.')
  return { userId, name: account.name }
}

/** Ends the guardianship at once. Throws not_found if there is none. */
export async function removeGuardian(ctx: TransactionContext, patientId: string, userId: string): Promise<void> {
  if (!(await deleteGuardian(ctx.db, patientId, userId))) throw notFound('guardian')
}
