import { type RawBuilder, sql } from 'kysely'
import type { Actor, Role } from '../actor'
import { newId } from './ids'

/** Create, read, update, delete, execute (HL7 AuditEvent.action). */
export type AuditAction = 'C' | 'R' | 'U' | 'D' | 'E'
/** `pending`: a clinical write that is not settled yet; the relay skips it. */
export type AuditOutcome = 'pending' | 'success' | 'denied' | 'error'
/** Why health data was accessed (HL7 PurposeOfUse); `emergency` is emergency access ("break the glass"). */
export type AuditPurpose = 'patient_request' | 'treatment' | 'operations' | 'emergency'
/** What an operation declares about its audit event. */
export type AuditKind = { kind: string; action: AuditAction }

/** One access or change. Ids and small plain values only: never a name, an address or clinical text. */
export type AuditEvent = {
  id: string
  occurredAt: Date
  kind: string
  action: AuditAction
  outcome: AuditOutcome
  /** Null for anonymous requests and for the system itself. */
  actorId: string | null
  actorRole: Role | null
  purpose: AuditPurpose | null
  patientIds: string[]
  targetId: string | null
  requestId: string
  ip: string | null
  detail: Record<string, string | number | boolean> | null
}

type Column = { [Name in keyof AuditEvent]: { name: Name; sqlName: string; type: string } }[keyof AuditEvent]

/** The members of an event with their columns of `audit_outbox`, in the order in which the trail writes them. */
const COLUMNS: readonly Column[] = [
  { name: 'id', sqlName: 'id', type: 'uuid' },
  { name: 'occurredAt', sqlName: 'occurred_at', type: 'timestamptz' },
  { name: 'kind', sqlName: 'kind', type: 'text' },
  { name: 'action', sqlName: 'action', type: 'text' },
  { name: 'outcome', sqlName: 'outcome', type: 'text' },
  { name: 'actorId', sqlName: 'actor_id', type: 'uuid' },
  { name: 'actorRole', sqlName: 'actor_role', type: 'text' },
  { name: 'purpose', sqlName: 'purpose', type: 'text' },
  { name: 'patientIds', sqlName: 'patient_ids', type: 'uuid[]' },
  { name: 'targetId', sqlName: 'target_id', type: 'uuid' },
  { name: 'requestId', sqlName: 'request_id', type: 'text' },
  { name: 'ip', sqlName: 'ip', type: 'text' },
  { name: 'detail', sqlName: 'detail', type: 'jsonb' },
]

/** The one list of an event's members. A member that it lacks is a type error here. */
export const AUDIT_MEMBERS: readonly (keyof AuditEvent)[] = COLUMNS.map(({ name }) => name)

/** `id, occurred_at, …`: for `insert into audit_outbox (…)`. */
export const auditColumns = () => sql.raw(COLUMNS.map(({ sqlName }) => sqlName).join(', '))

/** `"id" uuid, "occurredAt" timestamptz, …`: events as JSON, read by `json_to_recordset(…) as event (…)`. */
export const auditRecord = () => sql.raw(COLUMNS.map(({ name, type }) => `"${name}" ${type}`).join(', '))

/**
 * `event."id", event."occurredAt", …`: the members of the record `event`, in the order of `auditColumns`; `replaced` holds
 * SQL for members that the statement computes.
 */
export const auditRecordMembers = (
  event: string,
  replaced: Partial<Record<keyof AuditEvent, RawBuilder<unknown>>> = {},
): RawBuilder<unknown> => sql.join(COLUMNS.map(({ name }) => replaced[name] ?? sql.raw(`${event}."${name}"`)))

/** What a handler adds to the event of its request, such as the patients and the target. */
export type AuditFacts = {
  patientIds?: string[]
  targetId?: string
  outcome?: AuditOutcome
  /** By default the usual purpose of the caller's role. */
  purpose?: AuditPurpose
  detail?: AuditEvent['detail']
  /** Set by operations that identify the actor themselves, such as a sign-in. */
  actor?: { userId: string; role: Role }
}

/** What an audit event takes from the context. */
export type AuditedRequest = { actor: Actor | null; now: Date; requestId: string; ip: string | null }

/** A trigger turns `treatment` into `emergency` where the doctor has emergency access. */
const PURPOSE_OF: Record<Role, AuditPurpose> = { patient: 'patient_request', doctor: 'treatment', admin: 'operations' }

const purposeOf = (role: Role | null) => role && PURPOSE_OF[role]

/** The event of one request, with a new id. The purpose is set only if patients are concerned. */
export function auditEvent(request: AuditedRequest, { kind, action }: AuditKind, facts: AuditFacts): AuditEvent {
  const caller = request.actor === 'system' ? null : request.actor
  const { userId, role } = facts.actor ?? caller ?? { userId: null, role: null }
  const patientIds = [...new Set(facts.patientIds)]
  return {
    id: newId(),
    occurredAt: request.now,
    kind,
    action,
    outcome: facts.outcome ?? 'success',
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

/** The event of reading one row; the statement that reads the row adds its patient. */
export function auditEventOfRead(request: AuditedRequest, kind: AuditKind, targetId: string): AuditEvent {
  const event = auditEvent(request, kind, { targetId })
  return { ...event, purpose: purposeOf(event.actorRole) }
}
