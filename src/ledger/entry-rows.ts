import type { Insertable, Kysely, Transaction } from 'kysely'
import type { Database } from '../database/schema'
import type { PaymentChanges } from './payment-rows'
import type { PaymentEntriesTable, PaymentsTable } from './tables'

const ENTRY_COLUMNS = [
  'paymentEntries.id',
  'paymentEntries.paymentId',
  'paymentEntries.kind',
  'paymentEntries.amount',
  'paymentEntries.currency',
  'paymentEntries.status',
  'paymentEntries.provider',
  'paymentEntries.providerRef',
  'paymentEntries.reason',
  'paymentEntries.attempts',
  'paymentEntries.retryAt',
] as const

export type LedgerEntry = NonNullable<Awaited<ReturnType<typeof findLedgerEntry>>>

/**
 * Inserts an entry and updates its payment in one statement; the payment's row must be locked. A trigger keeps the sums;
 * `payments_charged_within_amount` and `payments_refunded_within_charged` refuse to refund more than was charged.
 */
export async function insertLedgerEntry(
  db: Transaction<Database>,
  entry: Insertable<PaymentEntriesTable>,
  changes: PaymentChanges & Pick<PaymentsTable, 'status'>,
): Promise<void> {
  await db
    .with('entry', (qb) => qb.insertInto('paymentEntries').values(entry))
    .updateTable('payments')
    .set(changes)
    .where('id', '=', entry.paymentId)
    .execute()
}

/** Stores the new status of a refund; the trigger no longer counts a failed refund. */
export async function updateRefundEntry(
  db: Transaction<Database>,
  entry: Pick<PaymentEntriesTable, 'id' | 'paymentId' | 'status' | 'providerRef' | 'failureCode' | 'settledAt'>,
  changes: PaymentChanges & Pick<PaymentsTable, 'status'>,
): Promise<void> {
  const { id, paymentId, ...settled } = entry
  await db
    .with('entry', (qb) => qb.updateTable('paymentEntries').set(settled).where('id', '=', id))
    .updateTable('payments')
    .set(changes)
    .where('id', '=', paymentId)
    .execute()
}

export function findLedgerEntry(db: Kysely<Database>, id: string) {
  return db.selectFrom('paymentEntries').select(ENTRY_COLUMNS).where('id', '=', id).executeTakeFirst()
}

/** By our id or the provider's. */
export function findRefundEntry(
  db: Kysely<Database>,
  paymentId: string,
  { id, providerRef }: { id: string | null; providerRef: string },
) {
  return db
    .selectFrom('paymentEntries')
    .select(ENTRY_COLUMNS)
    .where('paymentId', '=', paymentId)
    .where('kind', '=', 'refund')
    .where((eb) => eb.or([eb('providerRef', '=', providerRef), ...(id === null ? [] : [eb('id', '=', id)])]))
    .executeTakeFirst()
}

/** Refunds recorded before `before` that the provider has not accepted yet and whose next attempt is due at `now`. */
export function listUnsentRefunds(
  db: Kysely<Database>,
  { before, now, limit }: { before: Date; now: Date; limit: number },
) {
  return db
    .selectFrom('paymentEntries')
    .select('id')
    .where('status', '=', 'pending')
    .where('providerRef', 'is', null)
    .where('createdAt', '<', before)
    .where((eb) => eb.or([eb('retryAt', 'is', null), eb('retryAt', '<=', now)]))
    .orderBy('createdAt')
    .limit(limit)
    .execute()
}
