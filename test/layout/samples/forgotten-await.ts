import type { AuditEvent } from '../../../src/database/audit-event'
import { appendAuditEvent } from '../../../src/database/audit-outbox'
import { inTransaction, lockResources } from '../../../src/database/transaction'
import type { Context } from '../../../src/deps'
import { updatePayment } from '../../../src/ledger/payment-rows'

/** Never run: each marked line has a mistake that scripts/floating-promises.ts must find. */
export function makeMistakes(ctx: Context, id: string, event: AuditEvent, isAudited: boolean) {
  return inTransaction(ctx, async ({ db }) => {
    lockResources(db, [id]) // forgotten
    updatePayment(db, id, { status: 'cancelled' }) // forgotten
    isAudited || appendAuditEvent(db, event) // forgotten
    db.deleteFrom('occupancy').where('appointmentId', '=', id) // forgotten
    void appendAuditEvent(db, event)
  })
}
