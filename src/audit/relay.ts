import { withTryLock } from '../database/advisory-lock'
import type { Deps } from '../deps'
import { chainEvents } from './chain'
import { SEGMENT, sealWhenDue, unsealed } from './checkpoints'
import type { AuditLog } from './collection'
import { hasFinishedEvents, insertLogs, listFinishedEvents, listLogs, moveHead, readTrail } from './queries'
import { confirmRelayed } from './recovery'
import type { Link } from './tables'

export const RELAY_BATCH = 500

type RelayDeps = Pick<Deps, 'db' | 'postgres' | 'mongo' | 'config' | 'clock' | 'log'>

/** MongoDB holds a document beyond the head that no relay wrote. It is left as it is, and nothing is relayed past it. */
export class ForeignLogError extends Error {
  override name = 'ForeignLogError'
}

/**
 * Moves settled events from the outbox to MongoDB, one batch a call; gives how many. Any number of copies may call it at
 * any time: one of them works, and whatever dies in between, every event ends up stored once, in an unbroken chain.
 */
export async function relayAuditEvents(deps: RelayDeps): Promise<number> {
  if (!(await hasFinishedEvents(deps.db))) return 0
  return (await withTryLock(deps.postgres, 'audit-relay', () => relayBatch(deps))) ?? 0
}

/**
 * MongoDB first, then the head: a crash in between leaves logs beyond the head, which the next call only has to count.
 * Two that work at once, after a lost lock, are kept apart by the unique `_id` and by the head moving from where it was read.
 */
async function relayBatch(deps: RelayDeps): Promise<number> {
  const { db, mongo } = deps
  await mongo.ready()
  const { trail } = await sealWhenDue(deps, await readTrail(db, 1))
  const { head } = trail
  const room = Math.min(RELAY_BATCH, SEGMENT - unsealed(trail))
  const logs = (await findRelayed(deps, head, room)) ?? (await relayNew(deps, head, room))
  const last = logs.at(-1)
  if (!last) return 0

  const end = { seq: last._id, hash: last.hash }
  const ids = logs.map(({ eventId }) => eventId)
  if (!(await moveHead(db, head, end, ids))) return 0
  await sealWhenDue(deps, { ...trail, head: end })
  return logs.length
}

/** What a relay left that did not come to move the head; undefined when there is nothing beyond it. */
async function findRelayed(deps: RelayDeps, head: Link, limit: number): Promise<AuditLog[] | undefined> {
  const found = await listLogs(deps.mongo, { after: head.seq, limit })
  if (found.length === 0) return undefined
  const confirmed = await confirmRelayed(deps, head, found)
  if (confirmed.length > 0) return confirmed
  // Somebody who works without the lock may have counted them since the head was read.
  if ((await readTrail(deps.db, 1)).head.seq !== head.seq) return []
  const seq = found[0]!._id
  deps.log.error({ seq }, 'the audit trail holds a document that was not relayed: nothing is relayed past it')
  throw new ForeignLogError(`document ${seq} of audit_logs is not one that was relayed`)
}

async function relayNew({ db, mongo }: RelayDeps, head: Link, limit: number): Promise<AuditLog[]> {
  const logs = chainEvents(head, await listFinishedEvents(db, limit))
  if (logs.length > 0) await insertLogs(mongo, logs)
  return logs
}
