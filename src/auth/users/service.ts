import { findPeople, type PeopleSearch } from '../../database/people-search'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, notFound } from '../../errors'
import { cursorAfter, toPage } from '../../http/pagination'
import type { Affected } from '../../scheduling/affected/schemas'
import { findUpcoming } from '../../scheduling/affected/service'
import { findUserById, listUsers, lockActiveAdmins, type UserFilter, type UserRow, updateUserStatus } from '../queries'
import { endSessions } from '../sessions/service'
import { presentUserAccount, type UpdateUser } from './schemas'

/** The patients behind these users, for the audit event. */
export const patientIdsOf = (users: Pick<UserRow, 'patientId'>[]) =>
  users.flatMap(({ patientId }) => (patientId ? [patientId] : []))

/** Throws not_found. */
export async function getUser(ctx: Pick<Context, 'db'>, id: string): Promise<UserRow> {
  const user = await findUserById(ctx.db, { id })
  if (!user) throw notFound('user')
  return user
}

/** A page of users, newest first, and the ids of the patients among them. */
export async function listUserAccounts(
  ctx: Pick<Context, 'db'>,
  { limit, cursor, q, ...filter }: Omit<UserFilter, 'search'> & { q?: string; limit: number; cursor?: string },
) {
  const after = cursorAfter(cursor, 'createdAt')
  const find = (search?: PeopleSearch) => listUsers(ctx.db, { ...filter, search }, limit + 1, after)
  const rows = await (q === undefined ? find() : findPeople(q, find))
  const page = toPage(rows, limit, (row) => [row.createdAt.toISOString(), row.id], presentUserAccount)
  return { page, patientIds: patientIdsOf(rows.slice(0, limit)) }
}

/**
 * Disabling ends every session of the user; a disabled doctor can no longer be booked, and `affected` lists the visits to
 * come. Takes the lock of the doctor. Throws not_found, and invalid_state for the last active admin.
 */
export async function updateUser(
  ctx: TransactionContext,
  id: string,
  { status }: UpdateUser,
): Promise<{ user: UserRow; affected?: Affected }> {
  const user = await getUser(ctx, id)
  if (user.doctorId !== null) await lockResources(ctx.db, [user.doctorId])
  if (status === 'disabled' && user.role === 'admin') {
    const admins = await lockActiveAdmins(ctx.db)
    if (admins.length === 1 && admins[0] === id)
      throw new AppError('invalid_state', 'The last active admin cannot be disabled.')
  }
  await updateUserStatus(ctx.db, id, status)
  const updated = { ...user, status }
  if (status === 'active') return { user: updated }
  await endSessions(ctx, { userId: id })
  return { user: updated, affected: user.doctorId === null ? undefined : await findUpcoming(ctx, user.doctorId) }
}
