import { type Kysely, sql } from 'kysely'
import type { AuditAction, AuditOutcome } from '../audit/tables'
import type { Role } from '../auth/tables'
import type { Actor } from '../deps'
import { newId } from './ids'
import type { Database } from './schema'

/** What a handler adds to the event of its request: whose data, which thing. Ids and small plain values only. */
export type AuditFacts = {
  patientIds?: string[]
  targetId?: string
  outcome?: AuditOutcome
  detail?: Record<string, string | number | boolean>
  /** Where the request itself made the actor known, as a sign-in does. */
  actor?: { userId: string; role: Role }
}

type Request = { actor: Actor | null; now: Date; requestId: string; ip: string | null }

export const auditEvent = (
  request: Request,
  { kind, action }: { kind: string; action: AuditAction },
  facts: AuditFacts,
) => ({
  id: newId(),
  occurredAt: request.now,
  kind,
  action,
  outcome: facts.outcome ?? ('success' as const),
  actorId: facts.actor?.userId ?? request.actor?.userId ?? null,
  actorRole: facts.actor?.role ?? request.actor?.role ?? null,
  patientIds: [...new Set(facts.patientIds)],
  targetId: facts.targetId ?? null,
  requestId: request.requestId,
  ip: request.ip,
  detail: facts.detail ? sql<Record<string, string>>`${JSON.stringify(facts.detail)}::jsonb` : null,
})

export type AuditEvent = ReturnType<typeof auditEvent>

/** Appends to the outbox, in the caller's transaction where there is one. */
export async function appendAuditEvent(db: Kysely<Database>, event: AuditEvent): Promise<void> {
  await db.insertInto('auditOutbox').values(event).execute()
}
