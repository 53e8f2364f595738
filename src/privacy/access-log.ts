import { canSeePatient } from '../access/patients'
import { type AuditEntry, readEntry } from '../audit/chain'
import type { Context } from '../deps'
import { notFound } from '../errors'
import { cursorId, decodeCursor, type Page, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import { type Actors, findActors, listRelayedEvents, listWaitingEvents } from './queries'
import type { AccessLogEntry } from './schemas'

type Event = Pick<
  AuditEntry,
  'eventId' | 'kind' | 'action' | 'outcome' | 'purpose' | 'actorId' | 'actorRole' | 'targetId'
> & { occurredAt: Date }

/**
 * Everything that was put on record about a patient, newest first, whether it has reached the audit trail yet or not. Throws
 * not_found for a patient the caller may not see.
 */
export async function listAccessLog(
  ctx: Context,
  patientId: string,
  { limit, cursor }: { limit: number; cursor?: string },
): Promise<Page<AccessLogEntry>> {
  const [before] = decodeCursor(cursor, cursorId) ?? []
  if (!(await canSeePatient(ctx, patientId))) throw notFound('patient')
  const events = await eventsBefore(ctx, patientId, limit + 1, before)
  const actors = await findActors(ctx.db, patientId, doctorsAmong(events.slice(0, limit)))
  return toPage(
    events,
    limit,
    ({ eventId }) => [eventId],
    (event) => presentEntry(event, actors),
  )
}

/**
 * By event id, which grows with time and is the same in both places. The outbox is read first: what the relay moves in
 * between is then found twice, not never.
 */
async function eventsBefore({ db, mongo }: Context, patientId: string, limit: number, before?: string) {
  const waiting = await listWaitingEvents(db, patientId, limit, before)
  const relayed = await listRelayedEvents(mongo, patientId, limit, before)
  const events = new Map<string, Event>(waiting.map((event) => [event.eventId, event]))
  for (const log of relayed) {
    const entry = readEntry(log)
    if (entry) events.set(log.eventId, { ...entry, eventId: log.eventId, occurredAt: log.occurredAt })
  }
  return [...events.values()].sort((a, b) => (a.eventId < b.eventId ? 1 : -1)).slice(0, limit)
}

const doctorsAmong = (events: Event[]) => [
  ...new Set(events.flatMap(({ actorId, actorRole }) => (actorId && actorRole === 'doctor' ? [actorId] : []))),
]

function presentEntry(event: Event, actors: Actors): AccessLogEntry {
  const doctor = event.actorId ? actors.get(event.actorId) : undefined
  return {
    eventId: event.eventId,
    occurredAt: formatInstant(event.occurredAt),
    kind: event.kind,
    action: event.action,
    outcome: event.outcome,
    purpose: purposeFor(event, doctor),
    actor: event.actorId && event.actorRole ? { userId: event.actorId, role: event.actorRole } : null,
    doctor: doctor ? { id: doctor.id, name: doctor.name } : null,
    targetId: event.targetId,
  }
}

/** An event about several patients is an emergency for those only whom the doctor had opened. */
function purposeFor({ purpose, occurredAt }: Event, doctor: ReturnType<Actors['get']>): Event['purpose'] {
  if (purpose !== 'emergency') return purpose
  const open = doctor?.emergencies.some(({ from, until }) => from <= occurredAt && occurredAt < until)
  return open ? 'emergency' : 'treatment'
}
