import { type Kysely, sql, type Transaction } from 'kysely'
import type { AuditEvent } from '../../database/audit-event'
import { refuseUnaudited } from '../../database/audit-outbox'
import type { Database } from '../../database/schema'
import type { StoredAnswer } from './claim'
import type { IdempotencyKey } from './keys'

/** Step (a): stores the pending event and, under a new key, the fixed id of the write. */
export async function beginClinicalWrite(
  db: Transaction<Database>,
  writeId: string,
  event: AuditEvent,
  key: (IdempotencyKey & { userId: string }) | undefined,
): Promise<void> {
  const audit = db.insertInto('auditOutbox').values({ ...event, writeId })
  if (!key) {
    await audit.execute().catch(refuseUnaudited)
    return
  }
  const { id, userId, fingerprint, precondition } = key
  await db
    .with('claimed', (qb) =>
      qb.insertInto('idempotencyKeys').values({
        id,
        userId,
        fingerprint,
        precondition,
        documentId: writeId,
        status: null,
        body: null,
        headers: null,
        createdAt: event.occurredAt,
        patientIds: event.patientIds,
        targetId: event.targetId,
      }),
    )
    .with('audited', () => audit)
    .selectNoFrom(sql`1`.as('done'))
    .execute()
    .catch(refuseUnaudited)
}

/** Step (c): settles all attempts at the write as successful and, with a key, stores the answer. */
export async function settleWritten(
  db: Kysely<Database>,
  writeId: string,
  stored?: { keyId: Uint8Array; answer: StoredAnswer },
): Promise<void> {
  const settle = db
    .updateTable('auditOutbox')
    .set({ outcome: 'success' })
    .where('outcome', '=', 'pending')
    .where(isOfWrite(writeId))
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
        .where('documentId', '=', writeId)
        .where('status', 'is', null),
    )
    .with('settled', () => settle)
    .selectNoFrom(sql`1`.as('done'))
    .execute()
}

/** Step (c) of a write that can never succeed: settles all attempts as failed and frees the key for another write. */
export async function settleNotWritten(db: Kysely<Database>, writeId: string): Promise<void> {
  await db
    .with('failed', (qb) =>
      qb
        .updateTable('auditOutbox')
        .set({ outcome: 'error' })
        .where('outcome', '=', 'pending')
        .where(isOfWrite(writeId))
        .returning('occurredAt'),
    )
    .deleteFrom('idempotencyKeys')
    .where('documentId', '=', writeId)
    .where('status', 'is', null)
    // The key was created with the first attempt; `created_at` has an index, `document_id` has none.
    .where('createdAt', 'in', (qb) => qb.selectFrom('failed').select('failed.occurredAt'))
    .execute()
}

/** The number of attempts at the write that are not settled. */
export async function countPendingAttempts(db: Transaction<Database>, writeId: string): Promise<number> {
  const { attempts } = await db
    .selectFrom('auditOutbox')
    .select((eb) => eb.fn.countAll<number>().as('attempts'))
    .where('outcome', '=', 'pending')
    .where(isOfWrite(writeId))
    .executeTakeFirstOrThrow()
  return attempts
}

/** Clinical writes of these audit kinds that have been pending since before `before`, oldest first. */
export function listPendingWrites(db: Kysely<Database>, kinds: string[], before: Date, limit: number) {
  return db
    .selectFrom('auditOutbox')
    .select(['kind', 'targetId', 'patientIds', 'detail'])
    .select(WRITE_ID.as('writeId'))
    .where('outcome', '=', 'pending')
    .where('occurredAt', '<', before)
    .where('kind', 'in', kinds)
    .orderBy('occurredAt')
    .limit(limit)
    .execute()
}

/** Older versions only inserted documents, under the id of the write: their events have a `target_id` only. */
const WRITE_ID = sql<string>`coalesce(write_id, target_id)`
const isOfWrite = (writeId: string) => sql<boolean>`${WRITE_ID} = ${writeId}`
