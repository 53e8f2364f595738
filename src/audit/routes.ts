import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { decodeCursor, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import { readEntry } from './chain'
import { formatCheckpoint } from './checkpoints'
import type { AuditLog } from './collection'
import { searchLogs } from './queries'
import { withReviews } from './review'
import { type AuditEvent, AuditEventPage, AuditVerdict, cursorSequence, ListAuditEventsQuery } from './schemas'
import { type Verdict, verifyTrail } from './verify'

/** Milliseconds. A segment takes a few of them. */
const VERIFY_PATIENCE = 5_000

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

const verifyAuditTrailOperation = operation({
  method: 'get',
  path: '/audit/verify',
  tag: 'Audit',
  operationId: 'verifyAuditTrail',
  summary: 'Check that the audit trail is untouched',
  description:
    'Walks the chain from the newest checkpoint to its end and names the first event that is not as it was written. `bun run audit:verify` checks all of it.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'audit.verify', action: 'E' },
  answer: { status: 200, description: 'What was found', schema: AuditVerdict },
})

export function auditRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)

  read(listAuditEventsOperation, async (ctx, { query: { limit, cursor, ...filter } }) => {
    const [before] = decodeCursor(cursor, cursorSequence) ?? []
    const logs = await searchLogs(ctx.mongo, filter, limit + 1, before === undefined ? undefined : Number(before))
    const { data, nextCursor } = toPage(logs, limit, ({ _id }) => [String(_id)], presentEvent)
    // What somebody put there that is no event is the verifier's to report.
    const events = data.filter((event) => event !== undefined)
    return answer(
      { data: await withReviews(ctx, events), nextCursor },
      { audit: { patientIds: filter.patientId ? [filter.patientId] : [] } },
    )
  })

  read(verifyAuditTrailOperation, async (ctx) =>
    answer(presentVerdict(await verifyTrail(ctx, { fromCheckpoint: true, patience: VERIFY_PATIENCE }))),
  )

  return app
}

function presentEvent(log: Pick<AuditLog, 'bytes'>): AuditEvent | undefined {
  const entry = readEntry(log)
  return entry && { ...entry, occurredAt: formatInstant(new Date(entry.occurredAt)) }
}

const presentVerdict = ({ events, first, last, checkpoint, finding, complete }: Verdict): AuditVerdict => ({
  intact: finding === undefined,
  complete,
  events,
  first,
  last,
  checkpoint: checkpoint
    ? {
        seq: checkpoint.seq,
        createdAt: formatInstant(checkpoint.createdAt),
        hash: checkpoint.hash,
        line: formatCheckpoint(checkpoint),
      }
    : null,
  finding: finding ?? null,
})
