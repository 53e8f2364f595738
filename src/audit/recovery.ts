import type { Deps } from '../deps'
import { chainEvents, wrongField } from './chain'
import type { AuditLog } from './collection'
import { findFinishedEvents, type OutboxEvent } from './queries'
import type { Link } from './tables'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Of the documents beyond the head, those that a relay wrote which did not come to move it: each continues the chain from
 * the head on and tells, to the letter, of an event that the outbox still holds. Anything else is of nobody's making.
 */
export async function confirmRelayed({ db }: Pick<Deps, 'db'>, head: Link, logs: AuditLog[]): Promise<AuditLog[]> {
  const ids = logs.map(({ eventId }) => eventId).filter((id) => typeof id === 'string' && UUID.test(id))
  const waiting = new Map((await findFinishedEvents(db, ids)).map((event) => [event.id, event]))
  const events: OutboxEvent[] = []
  for (const { eventId } of logs) {
    const event = waiting.get(eventId)
    if (!event) break
    waiting.delete(eventId)
    events.push(event)
  }
  const expected = chainEvents(head, events)
  const same = expected.findIndex((log, i) => !isSame(log, logs[i]!))
  return same === -1 ? expected : expected.slice(0, same)
}

/** The hash binds all the rest. */
const isSame = (expected: AuditLog, found: AuditLog) =>
  found.hash === expected.hash &&
  found.prev === expected.prev &&
  found.bytes === expected.bytes &&
  wrongField(found) === undefined
