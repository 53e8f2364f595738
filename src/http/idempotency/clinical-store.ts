import { sql, type Transaction } from 'kysely'
import type { AuditEvent } from '../../database/audit-outbox'
import type { Database } from '../../database/schema'
import type { StoredAnswer } from './claim'
import type { IdempotencyKey } from './keys'

/** Step (a): the pending event and, under a key, the id the document will have. */
export async function beginClinicalWrite(
  db: Transaction<Database>,
  event: AuditEvent,
  key: (IdempotencyKey & { userId: string; documentId: string }) | undefined,
): Promise<void> {
  if (key) {
    const { id, userId, fingerprint, documentId } = key
    await db
      .insertInto('idempotencyKeys')
      .values({
        id,
        userId,
        fingerprint,
        documentId,
        status: null,
        body: null,
        headers: null,
        createdAt: event.occurredAt,
      })
      .execute()
  }
  await db.insertInto('auditOutbox').values(event).execute()
}

/** Step (c): the event gets its outcome; the key its answer, or its freedom when nothing was written. */
export async function settleClinicalWrite(
  db: Transaction<Database>,
  documentId: string,
  outcome: 'success' | 'error',
  keyId?: Uint8Array,
  answer?: StoredAnswer,
): Promise<void> {
  await db
    .updateTable('auditOutbox')
    .set({ outcome })
    .where('targetId', '=', documentId)
    .where('outcome', '=', 'pending')
    .execute()
  if (!keyId) return
  if (answer)
    await db
      .updateTable('idempotencyKeys')
      .set({ status: answer.status, body: answer.body, headers: sql`${JSON.stringify(answer.headers)}::jsonb` })
      .where('id', '=', keyId)
      .where('status', 'is', null)
      .execute()
  else await db.deleteFrom('idempotencyKeys').where('id', '=', keyId).where('status', 'is', null).execute()
}
