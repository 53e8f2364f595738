import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operation'
import { decodeCursor, toPage } from '../http/pagination'
import { createRouter } from '../http/router'
import { formatInstant } from '../http/schemas'
import type { AuditLog } from './collection'
import { listLogs } from './queries'
import { type AuditEvent, AuditEventPage, cursorSequence, ListAuditEventsQuery } from './schemas'

const listAuditEventsOperation = operation({
  method: 'get',
  path: '/audit',
  tag: 'Audit',
  operationId: 'listAuditEvents',
  summary: 'Read the audit trail',
  description: 'Newest first. An event shows here about a second after the request it tells of.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'audit.read', action: 'R' },
  query: ListAuditEventsQuery,
  answer: { status: 200, description: 'A page of events', schema: AuditEventPage },
})

export function auditRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)

  read(listAuditEventsOperation, async ({ mongo }, { query: { limit, cursor, ...filter } }) => {
    const [before] = decodeCursor(cursor, cursorSequence) ?? []
    const logs = await listLogs(mongo, filter, limit + 1, before === undefined ? undefined : Number(before))
    return answer(
      toPage(logs, limit, ({ _id }) => [String(_id)], presentEvent),
      { audit: { patientIds: filter.patientId ? [filter.patientId] : [] } },
    )
  })

  return app
}

const presentEvent = ({ _id, occurredAt, ...event }: AuditLog): AuditEvent => ({
  seq: _id,
  eventId: event.eventId,
  occurredAt: formatInstant(occurredAt),
  kind: event.kind,
  action: event.action,
  outcome: event.outcome,
  actorId: event.actorId,
  actorRole: event.actorRole,
  patientIds: event.patientIds,
  targetId: event.targetId,
  requestId: event.requestId,
  ip: event.ip,
  detail: event.detail,
})
