import type { Deps } from '../deps'
import { chainEvents, wrongField } from './chain'
import type { AuditLog } from './collection'
import { findFinishedEvents, type OutboxEvent } from './queries'
import type { ChainLink } from './tables'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Of the documents after the head, those written by a relay that crashed before it moved the head: each continues the
 * chain and is byte for byte an event that is still in the outbox. All others are foreign.
 */
export async function confirmRelayed({ db }: Pick<Deps, 'db'>, head: ChainLink, logs: AuditLog[]): Promise<AuditLog[]> {
  const ids = logs.map(({ eventId }) => eventId).filter((id) => typeof id === 'string' && UUID.test(id))
  const inOutbox = new Map((await findFinishedEvents(db, ids)).map((event) => [event.id, event]))
  const events: OutboxEvent[] = []
  for (const { eventId } of logs) {
    const event = inOutbox.get(eventId)
    if (!event) break
    inOutbox.delete(eventId)
    events.push(event)
  }
  const expected = chainEvents(head, events)
  const same = expected.findIndex((log, i) => !isSame(log, logs[i]!))
  return same === -1 ? expected : expected.slice(0, same)
}

/** The hash covers `prev` and `bytes`; `wrongField` compares the other fields with `bytes`. */
const isSame = (expected: AuditLog, found: AuditLog) =>
  found.hash === expected.hash &&
  found.prev === expected.prev &&
  found.bytes === expected.bytes &&
  wrongField(found) === undefined
