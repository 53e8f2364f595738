import { sha256 } from '../database/sha256'
import type { AuditLog } from './collection'
import type { OutboxEvent } from './queries'

/** An event's place in the chain. */
export type Link = { seq: number; hash: string }

/** What the first event follows. */
export const GENESIS_HASH = '0'.repeat(64)

/** What `bytes` says. */
export type AuditEntry = Omit<OutboxEvent, 'id' | 'occurredAt' | 'outcome'> & {
  seq: number
  eventId: string
  occurredAt: string
  outcome: 'success' | 'denied' | 'error'
}

/** The events as documents of the chain that has come to `head`. */
export function chainEvents(head: Link, events: OutboxEvent[]): AuditLog[] {
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

/** One line of JSON: the members in this order, those of `detail` by name. Changing it touches new events only. */
function textOf(seq: number, { id: eventId, occurredAt, outcome, detail, ...event }: OutboxEvent): string {
  const entry: AuditEntry = {
    seq,
    eventId,
    occurredAt: occurredAt.toISOString(),
    kind: event.kind,
    action: event.action,
    // The statement leaves pending events where they are.
    outcome: outcome as AuditEntry['outcome'],
    actorId: event.actorId,
    actorRole: event.actorRole,
    purpose: event.purpose,
    patientIds: event.patientIds,
    targetId: event.targetId,
    requestId: event.requestId,
    ip: event.ip,
    detail: detail && Object.fromEntries(Object.entries(detail).sort(([a], [b]) => (a < b ? -1 : 1))),
  }
  return JSON.stringify(entry)
}

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
