import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../../database/schema'
import { scopedChannel } from '../../database/schema-scope'
import type { SessionsTable } from '../tables'

/** The NOTIFY channel on which PostgreSQL sends the id of every session that ends. */
export const SESSION_ENDED_CHANNEL = 'session_ended'

export async function insertSession(
  db: Transaction<Database>,
  session: Omit<SessionsTable, 'generation' | 'createdAt' | 'revokedAt' | 'signInNetwork'> & {
    createdAt: Date
    signInNetwork: string | null
  },
): Promise<void> {
  await db.insertInto('sessions').values(session).execute()
}

/** The user's sessions that can still be refreshed, newest first. */
export function listSessions(
  db: Kysely<Database>,
  userId: string,
  now: Date,
  limit: number,
  after?: { createdAt: Date; id: string },
) {
  return db
    .selectFrom('sessions')
    .select(['id', 'createdAt', 'lastUsedAt', 'ip', 'userAgent'])
    .where('userId', '=', userId)
    .where('revokedAt', 'is', null)
    .where('expiresAt', '>', now)
    .where('idleExpiresAt', '>', now)
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) => eb(refTuple('createdAt', 'id'), '<', tuple(after!.createdAt, after!.id))),
    )
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

type Rotation = { sessionId: string; generation: number; now: Date; idleExpiresAt: Date } & Pick<
  SessionsTable,
  'ip' | 'userAgent'
>

/** Rotates the refresh token in one atomic step: of several requests with the same generation, one gets a row. */
export function rotateSession(db: Transaction<Database>, { sessionId, generation, now, ...use }: Rotation) {
  return db
    .updateTable('sessions')
    .set({ generation: generation + 1, rotatedAt: now, lastUsedAt: now, ...use })
    .from('users')
    .whereRef('users.id', '=', 'sessions.userId')
    .where('users.status', '=', 'active')
    .where('sessions.id', '=', sessionId)
    .where('sessions.generation', '=', generation)
    .where('sessions.revokedAt', 'is', null)
    .where('sessions.expiresAt', '>', now)
    .where('sessions.idleExpiresAt', '>', now)
    .returning('sessions.userId')
    .executeTakeFirst()
}

/** The session, if it can still be refreshed and its user is active. */
export function findLiveSession(db: Kysely<Database>, id: string, now: Date) {
  return db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.userId')
    .select(['sessions.userId', 'sessions.generation', 'sessions.rotatedAt'])
    .where('sessions.id', '=', id)
    .where('users.status', '=', 'active')
    .where('sessions.revokedAt', 'is', null)
    .where('sessions.expiresAt', '>', now)
    .where('sessions.idleExpiresAt', '>', now)
    .executeTakeFirst()
}

/** Ends a user's open sessions: all, `only` one, or all `except` one. Notifies every copy at COMMIT. */
export async function endSessionRows(
  db: Transaction<Database>,
  { userId, only, except }: { userId: string; only?: string; except?: string },
  now: Date,
): Promise<string[]> {
  const ended = await db
    .with('ended', (qb) =>
      qb
        .updateTable('sessions')
        .set({ revokedAt: now })
        .where('userId', '=', userId)
        .where('revokedAt', 'is', null)
        .$if(only !== undefined, (qb) => qb.where('id', '=', only!))
        .$if(except !== undefined, (qb) => qb.where('id', '<>', except!))
        .returning('id'),
    )
    .selectFrom('ended')
    .select(['id', sql`pg_notify(${scopedChannel(SESSION_ENDED_CHANNEL)}, id::text)`.as('told')])
    .execute()
  return ended.map(({ id }) => id)
}

/** Sessions that were ended after `since`, oldest first. */
export async function listSessionsEndedSince(
  db: Kysely<Database>,
  since: Date,
): Promise<{ id: string; endedAt: Date }[]> {
  return db
    .selectFrom('sessions')
    .select(['id', 'revokedAt as endedAt'])
    .where('revokedAt', '>', since)
    .orderBy('revokedAt')
    .$narrowType<{ endedAt: Date }>()
    .execute()
}

/** True if a session of the account with this address, in any case, began in this network since then. */
export async function hasSignedInFrom(
  db: Kysely<Database>,
  { email, network, since }: { email: string; network: string; since: Date },
): Promise<boolean> {
  const known = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.userId')
    .select('sessions.id')
    .where(sql`lower(users.email)`, '=', sql`lower(${email})`)
    .where('sessions.signInNetwork', '=', network)
    .where('sessions.createdAt', '>', since)
    .limit(1)
    .executeTakeFirst()
  return known !== undefined
}

/** Deletes at most `limit` sessions that ended or expired before `endedBefore` and began before `begunBefore`. */
export async function deleteSessionsBefore(
  db: Kysely<Database>,
  { endedBefore: cutoff, begunBefore }: { endedBefore: Date; begunBefore: Date },
  limit: number,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('sessions')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('sessions')
        .select('id')
        .where('createdAt', '<', begunBefore)
        .where(({ eb, or }) =>
          or([eb('expiresAt', '<', cutoff), eb('idleExpiresAt', '<', cutoff), eb('revokedAt', '<', cutoff)]),
        )
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

export async function hasSessionEnded(db: Kysely<Database>, id: string): Promise<boolean> {
  const ended = await db
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', id)
    .where('revokedAt', 'is not', null)
    .executeTakeFirst()
  return ended !== undefined
}
