import { type Kysely, sql, type Transaction } from 'kysely'
import type { AuditEvent } from '../../database/audit-outbox'
import type { Database } from '../../database/schema'
import type { StoredAnswer } from './claim'
import type { IdempotencyKey } from './keys'

/** Step (a): the pending event and, under a new key, the id its document will have. */
export async function beginClinicalWrite(
  db: Transaction<Database>,
  event: AuditEvent,
  key: (IdempotencyKey & { userId: string; documentId: string }) | undefined,
): Promise<void> {
  const audit = db.insertInto('auditOutbox').values(event)
  if (!key) {
    await audit.execute()
    return
  }
  const { id, userId, fingerprint, documentId } = key
  await db
    .with('claimed', (qb) =>
      qb.insertInto('idempotencyKeys').values({
        id,
        userId,
        fingerprint,
        documentId,
        status: null,
        body: null,
        headers: null,
        createdAt: event.occurredAt,
      }),
    )
    .with('audited', () => audit)
    .selectNoFrom(sql`1`.as('done'))
    .execute()
}

/** Step (c): every attempt at the document has succeeded, and under a key the answer is kept. */
export async function settleWritten(
  db: Kysely<Database>,
  documentId: string,
  stored?: { keyId: Uint8Array; answer: StoredAnswer },
): Promise<void> {
  const settle = db
    .updateTable('auditOutbox')
    .set({ outcome: 'success' })
    .where('targetId', '=', documentId)
    .where('outcome', '=', 'pending')
  if (!stored) {
    await settle.execute()
    return
  }
  const { status, body, headers } = stored.answer
  await db
    .with('answered', (qb) =>
      qb
        .updateTable('idempotencyKeys')
        .set({ status, body, headers: sql`${JSON.stringify(headers)}::jsonb` })
        .where('id', '=', stored.keyId)
        .where('documentId', '=', documentId)
        .where('status', 'is', null),
    )
    .with('settled', () => settle)
    .selectNoFrom(sql`1`.as('done'))
    .execute()
}

/** The document is not there and never will be: every attempt has failed, and the key is free for another document. */
export async function settleNotWritten(db: Kysely<Database>, documentId: string): Promise<void> {
  await db
    .with('failed', (qb) =>
      qb
        .updateTable('auditOutbox')
        .set({ outcome: 'error' })
        .where('targetId', '=', documentId)
        .where('outcome', '=', 'pending')
        .returning('occurredAt'),
    )
    .deleteFrom('idempotencyKeys')
    .where('documentId', '=', documentId)
    .where('status', 'is', null)
    // The key is as old as the first attempt: by its age an index finds it.
    .where('createdAt', 'in', (qb) => qb.selectFrom('failed').select('failed.occurredAt'))
    .execute()
}

export async function countPendingAttempts(db: Transaction<Database>, documentId: string): Promise<number> {
  const { attempts } = await db
    .selectFrom('auditOutbox')
    .select((eb) => eb.fn.countAll<number>().as('attempts'))
    .where('targetId', '=', documentId)
    .where('outcome', '=', 'pending')
    .executeTakeFirstOrThrow()
  return attempts
}

/** Documents whose write has been under way since before `before`, the oldest first. */
export function listPendingWrites(db: Kysely<Database>, kinds: string[], before: Date, limit: number) {
  return db
    .selectFrom('auditOutbox')
    .select(['kind', 'targetId', 'patientIds'])
    .where('outcome', '=', 'pending')
    .where('occurredAt', '<', before)
    .where('kind', 'in', kinds)
    .orderBy('occurredAt')
    .limit(limit)
    .execute()
}
