import { canSeePatient } from '../../access/patients'
import { type HashedEvent, readHashedEvent } from '../../audit/chain'
import type { Context } from '../../deps'
import { notFound } from '../../errors'
import { cursorId, decodeCursor, type Page, toPage } from '../../http/pagination'
import { formatInstant } from '../../http/schemas'
import { type ActingDoctors, findActingDoctors, listEventsAside, listOutboxEvents, listRelayedEvents } from './queries'
import type { AccessLogEntry } from './schemas'

type LoggedEvent = Pick<
  HashedEvent,
  'eventId' | 'kind' | 'action' | 'outcome' | 'purpose' | 'actorId' | 'actorRole' | 'targetId'
> & { occurredAt: Date }

/**
 * All audit events about a patient, newest first, from the audit trail and from the outbox. Throws not_found for a patient
 * the caller may not see.
 */
export async function listAccessLog(
  ctx: Context,
  patientId: string,
  { limit, cursor }: { limit: number; cursor?: string },
): Promise<Page<AccessLogEntry>> {
  const [before] = decodeCursor(cursor, cursorId) ?? []
  if (!(await canSeePatient(ctx, patientId))) throw notFound('patient')
  const events = await eventsBefore(ctx, patientId, limit + 1, before)
  const actors = await findActingDoctors(ctx.db, patientId, doctorsAmong(events.slice(0, limit)))
  return toPage(
    events,
    limit,
    ({ eventId }) => [eventId],
    (event) => presentEntry(event, actors),
  )
}

/**
 * Ordered by event id, which grows with time and is the same in the outbox and the trail. The outbox is read first: an
 * event that the relay moves in between is then found twice, and never missed.
 */
async function eventsBefore({ db, mongo }: Context, patientId: string, limit: number, before?: string) {
  const inOutbox = await listOutboxEvents(db, patientId, limit, before)
  const relayed = [
    ...(await listEventsAside(mongo, patientId, limit, before)),
    ...(await listRelayedEvents(mongo, patientId, limit, before)),
  ]
  const events = new Map<string, LoggedEvent>(inOutbox.map((event) => [event.eventId, event]))
  for (const log of relayed) {
    const entry = readHashedEvent(log)
    if (entry) events.set(log.eventId, { ...entry, eventId: log.eventId, occurredAt: log.occurredAt })
  }
  return [...events.values()].sort((a, b) => (a.eventId < b.eventId ? 1 : -1)).slice(0, limit)
}

const doctorsAmong = (events: LoggedEvent[]) => [
  ...new Set(events.flatMap(({ actorId, actorRole }) => (actorId && actorRole === 'doctor' ? [actorId] : []))),
]

function presentEntry(event: LoggedEvent, actors: ActingDoctors): AccessLogEntry {
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

/** An event about several patients is an emergency only for those to whom the doctor had emergency access. */
function purposeFor(
  { purpose, occurredAt }: LoggedEvent,
  doctor: ReturnType<ActingDoctors['get']>,
): LoggedEvent['purpose'] {
  if (purpose !== 'emergency') return purpose
  const open = doctor?.emergencies.some(({ from, until }) => from <= occurredAt && occurredAt < until)
  return open ? 'emergency' : 'treatment'
}
