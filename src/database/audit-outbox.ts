import { type Kysely, sql } from 'kysely'
import type { AuditAction, AuditOutcome, AuditPurpose } from '../audit/tables'
import type { Role } from '../auth/tables'
import type { Actor } from '../deps'
import { unavailable } from '../errors'
import { isRetryable } from './constraints'
import { newId } from './ids'
import { prepared } from './prepared'
import type { Database } from './schema'
import { sharingRoundTrips } from './sharing'

/** What a handler adds to the event of its request: whose data, which thing. Ids and small plain values only. */
export type AuditFacts = {
  patientIds?: string[]
  targetId?: string
  outcome?: AuditOutcome
  /** By default that of the caller's role. */
  purpose?: AuditPurpose
  detail?: Record<string, string | number | boolean>
  /** Where the request itself made the actor known, as a sign-in does. */
  actor?: { userId: string; role: Role }
}

type Request = { actor: Actor | null; now: Date; requestId: string; ip: string | null }

/** What is treatment here becomes `emergency` in the database where the doctor has emergency access (a trigger). */
const PURPOSE_OF: Record<Role, AuditPurpose> = { patient: 'patient_request', doctor: 'treatment', admin: 'operations' }

export const purposeOf = (role: Role | null) => role && PURPOSE_OF[role]

export function auditEvent(
  request: Request,
  { kind, action }: { kind: string; action: AuditAction },
  facts: AuditFacts,
) {
  const { userId, role } = facts.actor ?? request.actor ?? { userId: null, role: null }
  const patientIds = [...new Set(facts.patientIds)]
  return {
    id: newId(),
    occurredAt: request.now,
    kind,
    action,
    outcome: facts.outcome ?? ('success' as const),
    actorId: userId,
    actorRole: role,
    purpose: patientIds.length > 0 ? (facts.purpose ?? purposeOf(role)) : null,
    patientIds,
    targetId: facts.targetId ?? null,
    requestId: request.requestId,
    ip: request.ip,
    detail: facts.detail ?? null,
  }
}

export type AuditEvent = ReturnType<typeof auditEvent>

/** Appends to the outbox in the caller's transaction. */
export async function appendAuditEvent(db: Kysely<Database>, ...events: AuditEvent[]): Promise<void> {
  await db.insertInto('auditOutbox').values(events).execute().catch(refuseUnaudited)
}

const onRecord = new WeakSet<object>()

/** Says of an error that its request needs no event any more: it has one already, or none can be written. */
export function withEvent<E>(error: E): E {
  if (typeof error === 'object' && error !== null) onRecord.add(error)
  return error
}

export const hasEvent = (error: unknown) => typeof error === 'object' && error !== null && onRecord.has(error)

/** No audit row, no answer: whatever keeps an event out of the outbox fails its request as unavailable. */
export function refuseUnaudited(error: unknown): never {
  if (isRetryable(error)) throw error
  throw withEvent(unavailable('The audit trail cannot be written at the moment.', error))
}

export type AuditWriter = {
  /** Appends outside of any transaction; resolves once the event is committed. */
  append(event: AuditEvent): Promise<void>
}

const LARGEST_INSERT = 200

/** Requests share INSERTs, and so a busy API commits once for many. */
export function createAuditWriter(db: Kysely<Database>): AuditWriter {
  const append = sharingRoundTrips((events: AuditEvent[]) => insertEvents(db, { events: JSON.stringify(events) }), {
    largest: LARGEST_INSERT,
  })
  return { append: (event) => append(event).then(() => {}, refuseUnaudited) }
}

/** One text whatever their number: an array of them as JSON. */
const insertEvents = prepared(
  (_db, { events }: { events: string }) => sql`
    insert into audit_outbox
      (id, occurred_at, kind, action, outcome, actor_id, actor_role, purpose, patient_ids, target_id, request_id, ip, detail)
    select id, "occurredAt", kind, action, outcome, "actorId", "actorRole", purpose, "patientIds", "targetId", "requestId", ip, detail
    from json_to_recordset(${events}::json) as event (
      id uuid, "occurredAt" timestamptz, kind text, action text, outcome text, "actorId" uuid, "actorRole" text, purpose text,
      "patientIds" uuid[], "targetId" uuid, "requestId" text, ip text, detail jsonb
    )`,
)
