import { EXPIRY_BATCH, expireHolds } from './appointments/holds/service'
import { sealTrail } from './audit/checkpoints'
import { pruneAuditTrail } from './audit/prune'
import { RELAY_BATCH, relayAuditEvents } from './audit/relay'
import { deleteDeadSessions } from './auth/sessions/service'
import { FOLD_BATCH, foldNames } from './database/fold-names'
import type { Deps } from './deps'
import { deleteOldKeys } from './http/idempotency/store'
import { reconcileFinishedDays } from './payments/reconciliation/nightly'
import { sweepPayments } from './payments/sweeper'
import { deleteExpiredRecords } from './privacy/retention/service'
import { sweepUploads } from './records/attachments/sweeper'
import { sweepPendingWrites } from './records/sweeper'
import { type RunningTasks, runTasks } from './repeating-tasks'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Rows a clean-up deletes in one statement. */
const CLEANUP_BATCH = 5_000

/**
 * The repeating tasks of a running API. Every copy runs all of them, at the same time as other copies. A task that
 * fails because a database is down is logged once and continues when the database is back.
 */
export function startMaintenance(deps: Deps): RunningTasks {
  const { db, clock, log } = deps
  const hourly = (done: number) => (done < CLEANUP_BATCH ? HOUR : 0)
  return runTasks(log, [
    {
      name: 'audit relay',
      run: () => relayAuditEvents(deps),
      pause: (done, idle) => (done === RELAY_BATCH ? 0 : Math.min(250 * 2 ** idle, SECOND)),
    },
    {
      name: 'expired holds',
      run: () => expireHolds(deps, clock()),
      pause: (done) => (done === EXPIRY_BATCH ? 0 : SECOND),
    },
    { name: 'names to fold', run: () => foldNames(db), pause: (done) => (done < FOLD_BATCH ? 5 * SECOND : 0) },
    { name: 'audit checkpoints', run: () => sealTrail(deps), pause: () => MINUTE },
    { name: 'old audit segments', run: () => pruneAuditTrail(deps), pause: (done) => (done > 0 ? 0 : HOUR) },
    { name: 'expired records', run: () => deleteExpiredRecords(deps), pause: () => HOUR },
    { name: 'pending clinical writes', run: () => sweepPendingWrites(deps), pause: () => 30 * SECOND },
    { name: 'unfinished payments', run: () => sweepPayments(deps), pause: () => 5 * SECOND },
    { name: 'payment reconciliation', run: () => reconcileFinishedDays(deps), pause: () => 10 * MINUTE },
    { name: 'abandoned uploads', run: () => sweepUploads(deps), pause: () => 10 * MINUTE },
    { name: 'old idempotency keys', run: () => deleteOldKeys(db, clock(), CLEANUP_BATCH), pause: hourly },
    { name: 'dead sessions', run: () => deleteDeadSessions(db, clock(), CLEANUP_BATCH), pause: hourly },
  ])
}
