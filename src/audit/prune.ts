import { withTryLock } from '../database/advisory-lock'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import type { Mongo } from '../database/mongo'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { systemRequest } from '../system-context'
import { openCheckpointKey } from './checkpoint-key'
import { type Checkpoint, deleteLogs, findSealedSegment, moveStart, readTrail, type Trail } from './queries'
import { walkChain } from './walk'

type PruneDeps = Pick<Deps, 'db' | 'postgres' | 'mongo' | 'maintenanceMongo' | 'config' | 'clock' | 'log'>

/**
 * Deletes the oldest segment when its checkpoint, and so each of its events, is older than AUDIT_RETENTION; returns the
 * number of events. The checkpoint stays, and the chain begins after it. A segment that fails to verify is never deleted.
 * Any number of copies may call it at any time. Without a user who may delete events it changes nothing.
 */
export async function pruneAuditTrail(deps: PruneDeps): Promise<number> {
  const { maintenanceMongo } = deps
  if (!maintenanceMongo) return 0
  const before = new Date(deps.clock().getTime() - deps.config.audit.retentionSeconds * 1000)
  const segment = await findSealedSegment(deps.db, before)
  const { start } = await readTrail(deps.db, 1)
  if (!segment && start.seq === 0) return 0
  return (await withTryLock(deps.postgres, 'audit-prune', () => prune(deps, maintenanceMongo, before))) ?? 0
}

/** First moves the start of the chain, then deletes; after a crash in between, the next call deletes the rest. */
async function prune(deps: PruneDeps, maintenanceMongo: Mongo, before: Date): Promise<number> {
  await deps.mongo.ready()
  const trail = await readTrail(deps.db, 1)
  const segment = await findSealedSegment(deps.db, before)
  const moved = segment && (await moveStartAfter(deps, trail, segment))
  return deleteLogs(maintenanceMongo, moved ? segment.seq : trail.start.seq, before)
}

/** False, with nothing changed, for a segment that was tampered with: it stays as evidence. */
async function moveStartAfter(deps: PruneDeps, { start }: Trail, segment: Checkpoint): Promise<boolean> {
  const key = await openCheckpointKey(deps.config.audit)
  const signed = await key.isGenuine(segment)
  const anchor = { ...segment, name: 'the checkpoint', signed, endsSegment: true }
  const { finding } = await walkChain(deps.mongo, { base: start, anchors: [anchor] })
  if (finding) {
    deps.log.error(finding, 'an old segment of the audit trail is not intact and is not deleted')
    return false
  }
  return inTransaction({ ...deps, now: deps.clock() }, async ({ db, now }) => {
    if (!(await moveStart(db, start, segment))) return false
    const request = systemRequest('audit-prune', now)
    const detail = { from: start.seq + 1, to: segment.seq }
    await appendAuditEvent(db, auditEvent(request, { kind: 'audit.prune', action: 'D' }, { detail }))
    return true
  })
}
