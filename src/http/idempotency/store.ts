import { type Kysely, sql, type Transaction } from 'kysely'
import type { AuditEvent } from '../../database/audit-event'
import { appendAuditEvent, refuseUnaudited } from '../../database/audit-outbox'
import { prepared, preparedRow } from '../../database/prepared'
import type { Database } from '../../database/schema'
import type { StoredAnswer } from './claim'
import type { IdempotencyKey } from './keys'

/** The last statement of a mutation: stores its audit event and, with a key, its answer, in one round trip. */
export async function recordOutcome(
  db: Transaction<Database>,
  event: AuditEvent,
  key: (CallerKey & { answer: StoredAnswer }) | undefined,
): Promise<void> {
  if (!key) return appendAuditEvent(db, event)
  const headers = JSON.stringify(key.answer.headers)
  await insertOutcome(db, key, { ...key.answer, headers }, event).catch(refuseUnaudited)
}

/** `headers` is JSON text. */
type AnswerColumns = { status: number; body: string; headers: string }
type CallerKey = IdempotencyKey & { userId: string }

const insertOutcome = prepared((db, key: CallerKey, answer: AnswerColumns, event: AuditEvent) =>
  db
    .with('stored', (qb) =>
      qb.insertInto('idempotencyKeys').values({
        id: key.id,
        userId: key.userId,
        fingerprint: key.fingerprint,
        precondition: key.precondition,
        documentId: null,
        status: answer.status,
        body: answer.body,
        headers: sql<Record<string, string>>`${answer.headers}::jsonb`,
        createdAt: event.occurredAt,
        patientIds: event.patientIds,
        targetId: event.targetId,
      }),
    )
    .with('audited', (qb) => qb.insertInto('auditOutbox').values(event))
    .selectNoFrom(sql`1`.as('done')),
)

const findKey = preparedRow((db, { id }: { id: Uint8Array }) =>
  db.selectFrom('idempotencyKeys').select('status').where('id', '=', id),
)

export const isKeyStored = async (...key: Parameters<typeof findKey>): Promise<boolean> =>
  (await findKey(...key)) !== undefined

/** Deletes at most `limit` keys that are older than 24 hours, with their answers. Returns how many. */
export async function deleteOldKeys(db: Kysely<Database>, now: Date, limit: number): Promise<number> {
  const dayAgo = new Date(now.getTime() - 24 * 3_600_000)
  const { numDeletedRows } = await db
    .deleteFrom('idempotencyKeys')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('idempotencyKeys')
        .select('id')
        .where('createdAt', '<', dayAgo)
        .orderBy('createdAt')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
