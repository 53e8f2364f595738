import { asUnavailable } from '../database/constraints'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { listPendingWrites, settleNotWritten, settleWritten } from '../http/idempotency/clinical-store'

/** Leaves running requests alone; a request that is even slower meets the tombstone under its id and fails. */
const GRACE_MS = 60_000
const BATCH = 100

/**
 * Settles clinical writes that no request finished: looks each up in MongoDB (see `runClinicalMutation`). Returns how many
 * it settled. Any number of copies may call it; while MongoDB is down it leaves the rest for the next call.
 */
export async function sweepPendingWrites(deps: Deps): Promise<number> {
  const { clinicalLookUps: lookUps, mongo } = deps
  const now = deps.clock()
  const before = new Date(now.getTime() - GRACE_MS)
  const pending = await listPendingWrites(deps.db, [...lookUps.keys()], before, BATCH)
  let settled = 0
  for (const write of pending) {
    try {
      const state = await lookUps.get(write.kind)!(mongo, write, now)
      const settle = state === 'there' ? settleWritten : settleNotWritten
      await inTransaction(deps, ({ db }) => settle(db, write.writeId))
    } catch (error) {
      if (!asUnavailable(error)) throw error
      deps.log.warn({ error }, 'MongoDB is down: unfinished clinical writes are settled later')
      break
    }
    settled++
  }
  return settled
}
