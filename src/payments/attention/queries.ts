import { sql, type Transaction } from 'kysely'
import type { Database } from '../../database/schema'

/** The failed refunds of a payment. */
export async function clearRefusedRefunds(db: Transaction<Database>, paymentId: string, now: Date): Promise<void> {
  await db
    .updateTable('paymentEntries')
    .set({ attentionClearedAt: now })
    .where('paymentId', '=', paymentId)
    .where('kind', '=', sql.lit('refund'))
    .where('status', '=', sql.lit('failed'))
    .where('attentionClearedAt', 'is', null)
    .execute()
}

/** The parked events of a payment, by the provider's id or ours. */
export async function clearParkedEvents(
  db: Transaction<Database>,
  { id, provider, providerRef }: { id: string; provider: string; providerRef: string | null },
): Promise<void> {
  await db
    .updateTable('paymentEvents')
    .set({ needsAttention: false })
    .where('needsAttention', '=', sql.lit(true))
    .where('provider', '=', provider)
    .where(({ eb, or }) => or([eb('paymentRef', '=', providerRef), eb(sql<string>`snapshot ->> 'paymentId'`, '=', id)]))
    .execute()
}
