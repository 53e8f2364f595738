import type { Deps } from '../deps'
import { answer } from '../http/answer'
import { operation } from '../http/operations/operation'
import { createRouter } from '../http/operations/router'
import { decodeCursor, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import { readHashedEvent } from './chain'
import { formatCheckpoint } from './checkpoints'
import type { AuditLog } from './collection'
import { searchLogs } from './queries'
import { withReviews } from './review/service'
import { AuditVerdict, cursorSequence, ListAuditEventsQuery, type TrailEvent, TrailEventPage } from './schemas'
import { type Verdict, verifyTrail } from './verify'

/** A segment takes a few milliseconds. */
const VERIFY_LIMIT_MS = 5_000

const listAuditEventsOperation = operation({
  method: 'get',
  path: '/audit',
  tag: 'Audit',
  operationId: 'listAuditEvents',
  summary: 'Read the audit trail',
  description: 'Newest first. An event appears about a second after its request.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'audit.read', action: 'R' },
  query: ListAuditEventsQuery,
  answer: { status: 200, description: 'A page of events', schema: TrailEventPage },
})

const verifyAuditTrailOperation = operation({
  method: 'get',
  path: '/audit/verify',
  tag: 'Audit',
  operationId: 'verifyAuditTrail',
  summary: 'Verify the audit trail',
  description:
    'Checks the hash chain from the newest checkpoint to its end and reports the first event that was changed or removed. `bun run audit:verify` checks the whole chain.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'audit.verify', action: 'E' },
  answer: { status: 200, description: 'The result of the check', schema: AuditVerdict },
})

export function auditRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)

  read(listAuditEventsOperation, async (ctx, { query: { limit, cursor, ...filter } }) => {
    const [before] = decodeCursor(cursor, cursorSequence) ?? []
    const logs = await searchLogs(ctx.mongo, filter, limit + 1, before === undefined ? undefined : Number(before))
    const { data, nextCursor } = toPage(logs, limit, ({ _id }) => [String(_id)], presentEvent)
    // A document that is no event is left out here; the verification reports it.
    const events = data.filter((event) => event !== undefined)
    return answer(
      { data: await withReviews(ctx, events), nextCursor },
      { audit: { patientIds: filter.patientId ? [filter.patientId] : [] } },
    )
  })

  read(verifyAuditTrailOperation, async (ctx) =>
    answer(presentVerdict(await verifyTrail(ctx, { fromCheckpoint: true, timeLimitMs: VERIFY_LIMIT_MS }))),
  )

  return app
}

function presentEvent(log: Pick<AuditLog, 'bytes'>): TrailEvent | undefined {
  const entry = readHashedEvent(log)
  return entry && { ...entry, occurredAt: formatInstant(new Date(entry.occurredAt)) }
}

const presentVerdict = ({
  events,
  first,
  last,
  checkpoint,
  finding,
  complete,
  acceptedGaps,
}: Verdict): AuditVerdict => ({
  intact: finding === undefined && acceptedGaps.length === 0,
  acceptedGaps: acceptedGaps.map(({ first, last }) => ({ first, last })),
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
  finding: finding ? { seq: finding.seq, problem: finding.problem } : null,
})
