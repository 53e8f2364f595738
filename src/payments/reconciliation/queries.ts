import { type Kysely, sql } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'

export type InstantRange = { from: Date; until: Date }

/** Payments of a provider with their refunds, as far as they are compared. */
const selectLedger = (db: Kysely<Database>, provider: string) =>
  db
    .selectFrom('payments')
    .select([
      'payments.id',
      'payments.amount',
      'payments.currency',
      'payments.providerRef',
      'payments.providerStatus',
      'payments.chargedAmount',
      'payments.createdAt',
    ])
    .select((eb) =>
      jsonRows(
        eb
          .selectFrom('paymentEntries')
          .select([
            'paymentEntries.id',
            'paymentEntries.amount',
            'paymentEntries.currency',
            'paymentEntries.status',
            'paymentEntries.providerRef',
            'paymentEntries.createdAt',
          ])
          .whereRef('paymentEntries.paymentId', '=', 'payments.id')
          .where('paymentEntries.kind', '=', 'refund')
          .orderBy('paymentEntries.createdAt')
          .orderBy('paymentEntries.id'),
      ).as('entries'),
    )
    .where('payments.provider', '=', provider)

export type LedgerPayment = Awaited<ReturnType<typeof listLedgerPayments>>[number]

/** The payments that a page of the provider's list refers to, by the provider's ids or ours. */
export function findLedgerPayments(
  db: Kysely<Database>,
  provider: string,
  { refs, ids }: { refs: string[]; ids: string[] },
) {
  return selectLedger(db, provider)
    .where((eb) =>
      eb.or([
        eb('payments.providerRef', '=', sql<string>`any(${refs}::text[])`),
        eb('payments.id', '=', sql<string>`any(${ids}::uuid[])`),
      ]),
    )
    .execute()
}

/**
 * Payments with an entry made in the range, and open ones created in it, which may have been paid at the provider without
 * our knowledge. Sorted by id; `after` is the last id of the page before.
 */
export function listLedgerPayments(
  db: Kysely<Database>,
  provider: string,
  { from, until }: InstantRange,
  { after, limit }: { after?: string; limit: number },
) {
  return selectLedger(db, provider)
    .where('payments.id', 'in', ({ selectFrom }) =>
      selectFrom('paymentEntries')
        .select('paymentId as id')
        .where('provider', '=', provider)
        .where('createdAt', '>=', from)
        .where('createdAt', '<', until)
        .union(
          selectFrom('payments')
            .select('id')
            .where('provider', '=', provider)
            .where('createdAt', '>=', from)
            .where('createdAt', '<', until)
            .where('chargedAmount', '=', 0)
            .where('providerRef', 'is not', null)
            .where('providerStatus', 'is distinct from', 'cancelled'),
        ),
    )
    .$if(after !== undefined, (qb) => qb.where('payments.id', '>', after!))
    .orderBy('payments.id')
    .limit(limit)
    .execute()
}

/** Claims a day for this copy. False if the day is finished, or another copy claimed it after `staleBefore`. */
export async function claimReconciliation(
  db: Kysely<Database>,
  { provider, day, now, staleBefore }: { provider: string; day: string; now: Date; staleBefore: Date },
): Promise<boolean> {
  const claimed = await db
    .insertInto('paymentReconciliations')
    .values({ provider, day, startedAt: now })
    .onConflict((conflict) =>
      conflict
        .columns(['provider', 'day'])
        .doUpdateSet({ startedAt: now })
        .where('paymentReconciliations.finishedAt', 'is', null)
        .where('paymentReconciliations.startedAt', '<', staleBefore),
    )
    .returning('day')
    .executeTakeFirst()
  return claimed !== undefined
}

export async function finishReconciliation(
  db: Kysely<Database>,
  {
    provider,
    day,
    ...result
  }: { provider: string; day: string } & {
    finishedAt: Date
    compared: number
    repaired: number
    remaining: number
  },
): Promise<void> {
  await db
    .updateTable('paymentReconciliations')
    .set(result)
    .where('provider', '=', provider)
    .where('day', '=', day)
    .execute()
}
