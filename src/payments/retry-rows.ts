import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'

/** False if another copy counted this attempt, or sent the refund. */
export async function postponeRefundRow(
  db: Kysely<Database>,
  { id, before }: { id: string; before: number },
  changes: { attempts: number; retryAt: Date },
): Promise<boolean> {
  const updated = await db
    .updateTable('paymentEntries')
    .set(changes)
    .where('id', '=', id)
    .where('attempts', '=', before)
    .where('status', '=', 'pending')
    .returning('id')
    .executeTakeFirst()
  return updated !== undefined
}

/** False if another copy counted this attempt. */
export async function postponeReleaseRow(
  db: Kysely<Database>,
  { id, before }: { id: string; before: number },
  changes: { releaseAttempts: number; releaseRetryAt: Date },
): Promise<boolean> {
  const updated = await db
    .updateTable('payments')
    .set(changes)
    .where('id', '=', id)
    .where('releaseAttempts', '=', before)
    .returning('id')
    .executeTakeFirst()
  return updated !== undefined
}
