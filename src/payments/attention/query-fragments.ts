import { expressionBuilder, sql } from 'kysely'
import type { Role } from '../../actor'
import type { Database } from '../../database/schema'
import type { PaymentsNeedingAttentionView } from '../../ledger/tables'

/** Why a person must look at the payment of the query around it; null if nobody must. */
export const attentionOf = () =>
  expressionBuilder<Database, 'payments'>()
    .selectFrom('paymentsNeedingAttention')
    .select(
      sql<PaymentsNeedingAttentionView['reason'][] | null>`array_agg(distinct reason order by reason)`.as('reasons'),
    )
    .whereRef('paymentsNeedingAttention.paymentId', '=', 'payments.id')
    .as('attention')

/** Ids of the payments that a person must look at; none for callers who are no admins. */
export const paymentsToLookAt = (role: Role) =>
  expressionBuilder<Database, never>()
    .selectFrom('paymentsNeedingAttention')
    .select('paymentId')
    .where(({ lit }) => lit(role === 'admin'))
