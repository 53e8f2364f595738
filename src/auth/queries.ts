import { type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../actor'
import { fold } from '../database/folded'
import { matches, type PeopleSearch } from '../database/people-search'
import { preparedRow } from '../database/prepared'
import type { Database } from '../database/schema'
import type { HashedPassword } from './passwords/hashing'
import type { UserStatus, UsersTable } from './tables'

const USER = [
  'users.id',
  'users.email',
  'users.role',
  'users.name',
  'users.phone',
  'users.status',
  'users.createdAt',
] as const

/** Users with the ids of their patient and doctor. */
const selectUsers = (db: Kysely<Database>) =>
  db
    .selectFrom('users')
    .leftJoin('patients', 'patients.userId', 'users.id')
    .leftJoin('doctors', 'doctors.userId', 'users.id')
    .select(USER)
    .select(['patients.id as patientId', 'doctors.id as doctorId'])

export type UserRow = NonNullable<Awaited<ReturnType<typeof findUserById>>>
export type UserWithPassword = NonNullable<Awaited<ReturnType<typeof findUserWithPassword>>>

export const findUserById = preparedRow((db, { id }: { id: string }) => selectUsers(db).where('users.id', '=', id))

export function findUserWithPassword(db: Kysely<Database>, id: string) {
  return selectUsers(db)
    .select(['users.passwordHash', 'users.pepperVersion'])
    .where('users.id', '=', id)
    .executeTakeFirst()
}

/** Ignores case, and finds an address in whichever Unicode form it is stored; the form as given goes first. */
export function findUserByEmail(db: Kysely<Database>, email: string) {
  const forms = [...new Set([email, email.normalize('NFC'), email.normalize('NFD')])]
  return selectUsers(db)
    .select(['users.passwordHash', 'users.pepperVersion'])
    .where(({ eb, or }) => or(forms.map((form) => eb(sql`lower(users.email)`, '=', sql`lower(${form})`))))
    .$if(forms.length > 1, (qb) => qb.orderBy(sql`lower(users.email) = lower(${email})`, 'desc'))
    .limit(1)
    .executeTakeFirst()
}

/** The highest bcrypt cost of all stored hashes, from the index `users_password_cost`. */
export async function findHighestCost(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ cost: string | null }>`
    select max(substr(password_hash, 5, 2)) as cost from users where password_hash like '$2_$%'`.execute(db)
  return Number(rows[0]?.cost ?? 0)
}

export type UserFilter = { role?: Role; status?: UserStatus; search?: PeopleSearch }

/** Newest first; searches name, email and phone. */
export function listUsers(
  db: Kysely<Database>,
  { role, status, search }: UserFilter,
  limit: number,
  after?: { createdAt: Date; id: string },
) {
  return selectUsers(db)
    .$if(role !== undefined, (qb) => qb.where('users.role', '=', role!))
    .$if(status !== undefined, (qb) => qb.where('users.status', '=', status!))
    .$if(search !== undefined, (qb) => qb.where(matches('users', search!)))
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('users.createdAt', 'users.id'), '<', tuple(after!.createdAt, after!.id)),
      ),
    )
    .orderBy('users.createdAt', 'desc')
    .orderBy('users.id', 'desc')
    .limit(limit)
    .execute()
}

export type NewUser = Pick<UsersTable, 'id' | 'email' | 'role' | 'name' | 'phone'> &
  HashedPassword & { createdAt: Date }

export async function insertUser(db: Kysely<Database>, user: NewUser): Promise<void> {
  await db
    .insertInto('users')
    .values({ ...user, folded: fold(user.name) })
    .execute()
}

/** Locks the user if still active and with this hash, so that neither changes before the transaction ends. */
export function lockUserForSignIn(db: Transaction<Database>, id: string, passwordHash: string) {
  return db
    .selectFrom('users')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'active')
    .where('passwordHash', '=', passwordHash)
    .forShare()
    .executeTakeFirst()
}

/** Replaces only the hash that was checked; undefined when another request has changed it meanwhile. */
export function updatePassword(db: Kysely<Database>, id: string, checkedHash: string, hashed: HashedPassword) {
  return db
    .updateTable('users')
    .set(hashed)
    .where('id', '=', id)
    .where('passwordHash', '=', checkedHash)
    .returning('id')
    .executeTakeFirst()
}

/** Locks all active admins, so that two of them cannot be disabled at the same time; returns their ids. */
export async function lockActiveAdmins(db: Transaction<Database>): Promise<string[]> {
  const admins = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return admins.map(({ id }) => id)
}

export async function updateUserStatus(db: Transaction<Database>, id: string, status: UserStatus): Promise<void> {
  await db.updateTable('users').set({ status }).where('id', '=', id).execute()
}
