import { AUDIT_MEMBERS, type AuditEvent } from '../database/audit-event'
import { sha256 } from '../database/sha256'
import type { AuditLog } from './collection'
import type { ChainLink } from './tables'

/** The `prev` of the first event. */
export const GENESIS_HASH = '0'.repeat(64)

/** An event as it was hashed: the content of `bytes`. */
export type HashedEvent = Omit<AuditEvent, 'id' | 'occurredAt' | 'outcome'> & {
  seq: number
  eventId: string
  occurredAt: string
  outcome: 'success' | 'denied' | 'error'
}

/** The events as documents that continue the chain after `head`. */
export function chainEvents(head: ChainLink, events: AuditEvent[]): AuditLog[] {
  const logs: AuditLog[] = []
  let { seq, hash: prev } = head
  for (const event of events) {
    const bytes = bytesOf(++seq, event)
    const hash = linkHash(prev, bytes)
    const { id: eventId, occurredAt, kind, actorId, patientIds } = event
    logs.push({ _id: seq, eventId, occurredAt, kind, actorId, patientIds, prev, hash, bytes })
    prev = hash
  }
  return logs
}

/** One line of JSON: `seq`, then the members in fixed order, with `id` as `eventId` and `detail` sorted by name. */
function bytesOf(seq: number, event: AuditEvent): string {
  const entry: Record<string, unknown> = { seq }
  for (const member of AUDIT_MEMBERS) {
    if (member === 'id') entry.eventId = event.id
    else if (member === 'occurredAt') entry.occurredAt = event.occurredAt.toISOString()
    else if (member === 'detail') entry.detail = sortedByName(event.detail)
    else entry[member] = event[member]
  }
  return JSON.stringify(entry)
}

const sortedByName = (detail: AuditEvent['detail']) =>
  detail && Object.fromEntries(Object.entries(detail).sort(([a], [b]) => (a < b ? -1 : 1)))

/** The hash that `printf '%s%s' "$prev" "$bytes" | sha256sum` prints. */
export const linkHash = (prev: string, bytes: string) => sha256(prev + bytes)

/** Undefined when the document was tampered with and its bytes are no JSON object. */
export function readHashedEvent({ bytes }: Pick<AuditLog, 'bytes'>): HashedEvent | undefined {
  try {
    const entry = JSON.parse(bytes)
    return typeof entry === 'object' && entry !== null ? entry : undefined
  } catch {
    return undefined
  }
}

const MEMBERS = 9

/** Says how the fields of a document differ from the hashed bytes; undefined when they are the same. */
export function wrongField(log: AuditLog): string | undefined {
  const entry = typeof log.bytes === 'string' ? readHashedEvent(log) : undefined
  if (!entry) return 'its bytes are not an event'
  if (entry.seq !== log._id) return `its bytes are those of event ${String(entry.seq).slice(0, 20)}`
  if (entry.eventId !== log.eventId) return differs('eventId')
  if (!(log.occurredAt instanceof Date) || log.occurredAt.getTime() !== Date.parse(entry.occurredAt))
    return differs('occurredAt')
  if (entry.kind !== log.kind) return differs('kind')
  if (entry.actorId !== log.actorId) return differs('actorId')
  if (!sameList(entry.patientIds, log.patientIds)) return differs('patientIds')
  if (Object.keys(log).length !== MEMBERS) return 'it has unknown fields'
  return undefined
}

const differs = (field: string) => `its ${field} differs from the hashed one`

const sameList = (a: unknown, b: unknown) =>
  Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => item === b[i])
