import { type Expression, type Kysely, sql, Transaction } from 'kysely'
import { isRetryable } from './constraints'
import type { Postgres, Rows } from './postgres'
import { prepared } from './prepared'
import type { Database } from './schema'

type Handle = { db: Kysely<Database>; postgres: Postgres }
/** The same context with its `db` inside a transaction. */
export type InTransaction<C> = Omit<C, 'db'> & { db: Transaction<Database> }

const ATTEMPTS = 5

/**
 * Runs `run` in one transaction, or in the current one. Call it as `inTransaction(ctx, async (ctx) => …)`, so that the
 * outer `db` is out of reach. After a serialisation failure or deadlock `run` runs again, at most five times in all: it
 * must be pure (no network, no clock but the injected one, no captured state).
 */
export async function inTransaction<C extends Handle, T>(
  ctx: C,
  run: (ctx: InTransaction<C>, opened: Rows[]) => Promise<T>,
  opening: string[] = [],
): Promise<T> {
  if (ctx.db instanceof Transaction) return run({ ...ctx, db: ctx.db }, [])
  for (let attempt = 1; ; attempt++) {
    try {
      return await ctx.postgres.transaction(opening, (db, opened) => run({ ...ctx, db }, opened))
    } catch (error) {
      if (attempt === ATTEMPTS || !isRetryable(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * 2 ** attempt))
    }
  }
}

/**
 * Takes the advisory locks of doctors, patients or rooms until the transaction ends, always in the same order. It has
 * to be a statement of its own: if the same statement also read, it would read the state before the lock.
 */
export async function lockResources(db: Transaction<Database>, ids: string[]): Promise<void> {
  await lockAll(db, { ids })
}

const lockAll = prepared((db, { ids }: { ids: string[] }) =>
  lockStatement(db, sql<{ id: string }>`select unnest(${ids}::uuid[]) as id`),
)

/**
 * The same for the ids that a select returns. A lock's key is the low 64 bits of the id, of which 62 are random. From then
 * on the transaction uses the plans that its connection has kept: planning the booking facts again takes PostgreSQL longer
 * than reading them, and others wait for the lock meanwhile.
 */
export function lockStatement(db: Kysely<Database>, ids: Expression<{ id: string }>) {
  const ordered = sql<{ key: string }>`(
    select distinct ('x' || right(replace(id::text, '-', ''), 16))::bit(64)::bigint as key from (${ids}) as wanted order by key)`
  return db
    .selectFrom(ordered.as('resource'))
    .select(sql`pg_advisory_xact_lock(key)`.as('locked'))
    .select(sql`set_config('plan_cache_mode', 'force_generic_plan', true)`.as('planned'))
}
