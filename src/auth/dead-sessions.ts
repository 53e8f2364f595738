import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'

/** How long a session that has ended stays on record. */
const KEPT_DAYS = 30

/** Deletes sessions that ended or ran out long ago, at most `limit` in one call. Gives how many. */
export async function deleteDeadSessions(db: Kysely<Database>, now: Date, limit: number): Promise<number> {
  const cutoff = new Date(now.getTime() - KEPT_DAYS * 86_400_000)
  const { numDeletedRows } = await db
    .deleteFrom('sessions')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('sessions')
        .select('id')
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
