import { AUDIT_MEMBERS, type AuditEvent } from '../database/audit-event'
import { sha256 } from '../database/sha256'
import type { AuditLog } from './collection'
import type { Link } from './tables'

/** What the first event follows. */
export const GENESIS_HASH = '0'.repeat(64)

/** The content of `bytes`. */
export type AuditEntry = Omit<AuditEvent, 'id' | 'occurredAt' | 'outcome'> & {
  seq: number
  eventId: string
  occurredAt: string
  outcome: 'success' | 'denied' | 'error'
}

/** The events as documents of the chain that has come to `head`. */
export function chainEvents(head: Link, events: AuditEvent[]): AuditLog[] {
  const logs: AuditLog[] = []
  let { seq, hash: prev } = head
  for (const event of events) {
    const bytes = textOf(++seq, event)
    const hash = linkHash(prev, bytes)
    const { id: eventId, occurredAt, kind, actorId, patientIds } = event
    logs.push({ _id: seq, eventId, occurredAt, kind, actorId, patientIds, prev, hash, bytes })
    prev = hash
  }
  return logs
}

/** One line of JSON: `seq`, then the members in their order, `id` as `eventId`, those of `detail` by name. */
function textOf(seq: number, event: AuditEvent): string {
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

/** What `printf '%s%s' "$prev" "$bytes" | sha256sum` prints. */
export const linkHash = (prev: string, bytes: string) => sha256(prev + bytes)

/** Undefined for a document that somebody else made of it: its bytes are no JSON object. */
export function readEntry({ bytes }: Pick<AuditLog, 'bytes'>): AuditEntry | undefined {
  try {
    const entry = JSON.parse(bytes)
    return typeof entry === 'object' && entry !== null ? entry : undefined
  } catch {
    return undefined
  }
}

const MEMBERS = 9

/** How the fields of a document differ from the bytes that were hashed, in words; undefined when they do not. */
export function wrongField(log: AuditLog): string | undefined {
  const entry = typeof log.bytes === 'string' ? readEntry(log) : undefined
  if (!entry) return 'its bytes are not an event'
  if (entry.seq !== log._id) return `its bytes are those of event ${String(entry.seq).slice(0, 20)}`
  if (entry.eventId !== log.eventId) return differs('eventId')
  if (!(log.occurredAt instanceof Date) || log.occurredAt.getTime() !== Date.parse(entry.occurredAt))
    return differs('occurredAt')
  if (entry.kind !== log.kind) return differs('kind')
  if (entry.actorId !== log.actorId) return differs('actorId')
  if (!sameList(entry.patientIds, log.patientIds)) return differs('patientIds')
  if (Object.keys(log).length !== MEMBERS) return 'it has members that no event has'
  return undefined
}

const differs = (field: string) => `its ${field} is not the one that was hashed`

const sameList = (a: unknown, b: unknown) =>
  Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => item === b[i])
