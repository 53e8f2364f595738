import { asUnavailable } from '../database/constraints'
import { findOrVoid } from '../database/fenced-insert'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { listPendingWrites, settleNotWritten, settleWritten } from '../http/idempotency/clinical-store'
import { MEDICAL_RECORDS, PRESCRIPTIONS } from './collections'

/** Where the documents of a kind of audit event are. */
const COLLECTIONS = new Map([
  ['record.create', MEDICAL_RECORDS],
  ['prescription.create', PRESCRIPTIONS],
])

/** A request still at work is not disturbed; one that is even slower meets a void id and fails. */
const PATIENCE_MS = 60_000
const BATCH = 100

/**
 * Settles clinical writes that no request finished, by whether MongoDB has the document; one that is not there never will
 * be (see `runClinicalMutation`). Gives how many were settled. Any number of copies may call it at any time; while MongoDB
 * is down it leaves the rest for the next call.
 */
export async function sweepPendingWrites(deps: Deps): Promise<number> {
  const now = deps.clock()
  const before = new Date(now.getTime() - PATIENCE_MS)
  const pending = await listPendingWrites(deps.db, [...COLLECTIONS.keys()], before, BATCH)
  let settled = 0
  for (const { kind, targetId, patientIds } of pending) {
    const id = targetId!
    try {
      const state = await findOrVoid(deps.mongo, COLLECTIONS.get(kind)!, { id, patientId: patientIds[0]! }, now)
      const settle = state === 'there' ? settleWritten : settleNotWritten
      await inTransaction(deps, ({ db }) => settle(db, id))
    } catch (error) {
      if (!asUnavailable(error)) throw error
      deps.log.warn({ error }, 'unfinished clinical writes are left for later')
      break
    }
    settled++
  }
  return settled
}
