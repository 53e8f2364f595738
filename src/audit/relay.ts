import { withTryLock } from '../database/advisory-lock'
import type { Deps } from '../deps'
import { chainEvents } from './chain'
import { SEGMENT, sealWhenDue, unsealed } from './checkpoints'
import type { AuditLog } from './collection'
import { hasFinishedEvents, insertLogs, listFinishedEvents, listLogs, moveHead, readTrail } from './queries'
import { confirmRelayed } from './recovery'
import type { ChainLink } from './tables'

export const RELAY_BATCH = 500

type RelayDeps = Pick<Deps, 'db' | 'postgres' | 'mongo' | 'config' | 'clock' | 'log' | 'auditRelay'>

/** MongoDB holds a document after the head that no relay wrote. It stays as it is, and the relay stops before it. */
export class ForeignLogError extends Error {
  override name = 'ForeignLogError'
}

/**
 * Moves settled events from the outbox to MongoDB, one batch per call; returns the number of events. Any number of copies
 * may call it: one of them works, and after any crash every event is stored exactly once, in an unbroken chain.
 */
export async function relayAuditEvents(deps: RelayDeps): Promise<number> {
  const { auditRelay } = deps
  if (!(await hasFinishedEvents(deps.db))) {
    auditRelay.stopped = undefined
    return 0
  }
  const moved = await withTryLock(deps.postgres, 'audit-relay', () => relayBatch(deps))
  if (moved !== undefined) auditRelay.stopped = undefined
  return moved ?? 0
}

/**
 * MongoDB first, then the head: after a crash in between, the next call finds the documents and only moves the head. If
 * two relays run at once after a lost lock, the unique `_id` and the compare-and-set of the head keep the chain correct.
 */
async function relayBatch(deps: RelayDeps): Promise<number> {
  const { db, mongo } = deps
  await mongo.ready()
  const { trail } = await sealWhenDue(deps, await readTrail(db, 1))
  const { head } = trail
  const limit = Math.min(RELAY_BATCH, SEGMENT - unsealed(trail))
  const logs = (await findRelayed(deps, head, limit)) ?? (await relayNew(deps, head, limit))
  const last = logs.at(-1)
  if (!last) return 0

  const end = { seq: last._id, hash: last.hash }
  const ids = logs.map(({ eventId }) => eventId)
  if (!(await moveHead(db, head, end, ids))) return 0
  await sealWhenDue(deps, { ...trail, head: end })
  return logs.length
}

/** The documents of a relay that crashed before it moved the head; undefined when there is none after the head. */
async function findRelayed(deps: RelayDeps, head: ChainLink, limit: number): Promise<AuditLog[] | undefined> {
  const found = await listLogs(deps.mongo, { after: head.seq, limit })
  if (found.length === 0) return undefined
  const confirmed = await confirmRelayed(deps, head, found)
  if (confirmed.length > 0) return confirmed
  // Another relay that lost the lock may have moved the head since it was read.
  if ((await readTrail(deps.db, 1)).head.seq !== head.seq) return []
  const seq = found[0]!._id
  deps.log.error({ seq }, 'the audit trail holds a document that was not relayed: the relay stops before it')
  deps.auditRelay.stopped = `The audit relay has stopped: audit_logs holds event ${seq}, which PostgreSQL does not know. Run audit:reconcile.`
  throw new ForeignLogError(`document ${seq} of audit_logs was not relayed`)
}

async function relayNew({ db, mongo }: RelayDeps, head: ChainLink, limit: number): Promise<AuditLog[]> {
  const logs = chainEvents(head, await listFinishedEvents(db, limit))
  if (logs.length > 0) await insertLogs(mongo, logs)
  return logs
}
