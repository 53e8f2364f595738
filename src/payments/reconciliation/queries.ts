import { type Kysely, sql } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'

export type InstantRange = { from: Date; until: Date }

/** A payment with what was charged and its refunds, as far as a provider can be asked about them. */
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

/** Those that a page of the provider's listing is about. */
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
 * Those with an entry that was made in the range, and those begun in it whose money may have moved without our knowing; by
 * id, after that of the page before.
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

/** Begins the comparison of a day unless it is done, or another copy began it after `staleBefore`; says whether. */
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
