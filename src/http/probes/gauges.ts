import type { Deps } from '../../deps'
import { answerInTime } from '../deadline'
import { countBacklog } from './queries'

export const ANSWER_MS = 1_000

/** Gauges that need a database. While it does not answer in time, it is shown as down and its counts are left out. */
export function addDatabaseGauges({
  metrics,
  db,
  mongo,
  clock,
}: Pick<Deps, 'metrics' | 'db' | 'mongo' | 'clock'>): void {
  metrics.addGauges(
    {
      postgres_up: '1 while PostgreSQL answers within a second.',
      audit_backlog_events: 'Audit events that wait for the relay; counted to 10000.',
      audit_backlog_age_seconds: 'Age of the oldest audit event that waits for the relay.',
      clinical_writes_pending: 'Clinical writes that are not settled; counted to 10000.',
      appointment_holds: 'Holds, expired ones included until the sweeper has seen them; counted to 10000.',
      payment_events_needing_attention: 'Payment events that a person must look at; counted to 10000.',
      payments_needing_attention: 'Payments in the list of needsAttention; counted to 10000.',
    },
    async () => {
      const found = await answerInTime(ANSWER_MS, () => countBacklog(db))
      if (!found) return { postgres_up: 0 }
      const age = found.auditOldest ? (clock().getTime() - found.auditOldest.getTime()) / 1_000 : 0
      return {
        postgres_up: 1,
        audit_backlog_events: found.auditEvents,
        audit_backlog_age_seconds: Math.max(0, age),
        clinical_writes_pending: found.clinicalWrites,
        appointment_holds: found.holds,
        payment_events_needing_attention: found.paymentEvents,
        payments_needing_attention: found.payments,
      }
    },
  )
  metrics.addGauges({ mongo_up: '1 while MongoDB answers within a second.' }, async () => ({
    mongo_up: (await answerInTime(ANSWER_MS, () => mongo.db.command({ ping: 1 }))) ? 1 : 0,
  }))
}
