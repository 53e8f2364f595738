import { withTryLock } from '../database/advisory-lock'
import type { Deps } from '../deps'
import type { AuditLog } from './collection'
import {
  findHead,
  hasFinishedEvents,
  insertLogs,
  listFinishedEvents,
  listLogsAfter,
  moveHead,
  type OutboxEvent,
} from './queries'

export const RELAY_BATCH = 500

type RelayDeps = Pick<Deps, 'db' | 'postgres' | 'mongo'>

/**
 * Moves settled events from the outbox to MongoDB, one batch a call; gives how many. Any number of copies may call it at
 * any time: one of them works, and whatever dies in between, every event ends up stored once, in an unbroken sequence.
 */
export async function relayAuditEvents(deps: RelayDeps): Promise<number> {
  if (!(await hasFinishedEvents(deps.db))) return 0
  return (await withTryLock(deps.postgres, 'audit-relay', () => relayBatch(deps))) ?? 0
}

/**
 * MongoDB first, then the head: a crash in between leaves logs beyond the head, which the next call only has to count.
 * Two that work at once, after a lost lock, are kept apart by the unique `_id` and by the head moving from where it was read.
 */
async function relayBatch({ db, mongo }: RelayDeps): Promise<number> {
  await mongo.ready()
  const head = await findHead(db)
  const stored = unbroken(await listLogsAfter(mongo, head, RELAY_BATCH), head)
  if (stored.length > 0) return advance(db, head, stored)

  const logs = (await listFinishedEvents(db, RELAY_BATCH)).map((event, i) => toLog(event, head + 1 + i))
  if (logs.length === 0) return 0
  await insertLogs(mongo, logs)
  return advance(db, head, logs)
}

async function advance(db: RelayDeps['db'], head: number, logs: Pick<AuditLog, 'eventId'>[]): Promise<number> {
  const ids = logs.map(({ eventId }) => eventId)
  return (await moveHead(db, head, head + logs.length, ids)) ? logs.length : 0
}

/** Those that follow the head one by one; what lies beyond a gap is not of the relay's making. */
const unbroken = (logs: Pick<AuditLog, '_id' | 'eventId'>[], head: number) =>
  logs.filter(({ _id }, i) => _id === head + 1 + i)

const toLog = ({ id, outcome, ...event }: OutboxEvent, seq: number): AuditLog => ({
  _id: seq,
  eventId: id,
  ...event,
  // The statement leaves pending events where they are.
  outcome: outcome as AuditLog['outcome'],
})
