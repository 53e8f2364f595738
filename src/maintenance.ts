import { RELAY_BATCH, relayAuditEvents } from './audit/relay'
import { deleteDeadSessions } from './auth/dead-sessions'
import type { Deps } from './deps'
import { deleteOldKeys } from './http/idempotency/store'
import { sweepPendingWrites } from './records/sweeper'
import { type RunningTasks, runTasks } from './repeating-tasks'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
/** Rows a clean-up deletes in one statement. */
const CLEANUP_BATCH = 5_000

/**
 * What a running API does besides answering: every copy runs it, and copies do not get in each other's way. A database
 * that is down is reported once; the work goes on when it is back.
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
    { name: 'pending clinical writes', run: () => sweepPendingWrites(deps), pause: () => 30 * SECOND },
    { name: 'old idempotency keys', run: () => deleteOldKeys(db, clock(), CLEANUP_BATCH), pause: hourly },
    { name: 'dead sessions', run: () => deleteDeadSessions(db, clock(), CLEANUP_BATCH), pause: hourly },
  ])
}
