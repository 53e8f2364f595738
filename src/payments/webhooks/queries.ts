import type { Insertable, Kysely, Transaction, Updateable } from 'kysely'
import type { Database } from '../../database/schema'
import type { PaymentEventsTable } from '../tables'

/** False when the event was stored before. */
export async function insertPaymentEvent(
  db: Transaction<Database>,
  event: Insertable<PaymentEventsTable>,
): Promise<boolean> {
  const inserted = await db
    .insertInto('paymentEvents')
    .values(event)
    .onConflict((conflict) => conflict.constraint('payment_events_once').doNothing())
    .returning('id')
    .executeTakeFirst()
  return inserted !== undefined
}

export function findUnprocessedEvent(db: Kysely<Database>, id: string) {
  return db
    .selectFrom('paymentEvents')
    .select(['id', 'provider', 'type', 'occurredAt', 'paymentRef', 'snapshot', 'attempts', 'retryAt'])
    .where('id', '=', id)
    .where('processedAt', 'is', null)
    .executeTakeFirst()
}

export async function markEventProcessed(
  db: Transaction<Database>,
  id: string,
  outcome: NonNullable<PaymentEventsTable['outcome']>,
  processedAt: Date,
): Promise<void> {
  await db.updateTable('paymentEvents').set({ outcome, processedAt }).where('id', '=', id).execute()
}

/** Events received before `before` that no job has processed and whose next attempt is due at `now`, oldest first. */
export function listUnprocessedEvents(
  db: Kysely<Database>,
  { before, now, limit }: { before: Date; now: Date; limit: number },
) {
  return db
    .selectFrom('paymentEvents')
    .select('id')
    .where('processedAt', 'is', null)
    .where('receivedAt', '<', before)
    .where((eb) => eb.or([eb('retryAt', 'is', null), eb('retryAt', '<=', now)]))
    .orderBy('receivedAt')
    .limit(limit)
    .execute()
}

/** Unmatched refund events whose payment has its ref by now. */
export function listMatchableEvents(db: Kysely<Database>, limit: number) {
  return db
    .selectFrom('paymentEvents')
    .innerJoin('payments', (join) =>
      join
        .onRef('payments.provider', '=', 'paymentEvents.provider')
        .onRef('payments.providerRef', '=', 'paymentEvents.paymentRef'),
    )
    .select(['paymentEvents.provider', 'payments.providerRef'])
    .distinct()
    .where('paymentEvents.outcome', '=', 'unmatched')
    .limit(limit)
    .execute()
}

/** False if another copy counted this attempt, or has processed the event meanwhile. */
export async function postponeEventRow(
  db: Kysely<Database>,
  { id, before }: { id: string; before: number },
  changes: Updateable<Pick<PaymentEventsTable, 'attempts' | 'retryAt' | 'needsAttention' | 'processedAt'>>,
): Promise<boolean> {
  const updated = await db
    .updateTable('paymentEvents')
    .set(changes)
    .where('id', '=', id)
    .where('attempts', '=', before)
    .where('processedAt', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return updated !== undefined
}
