import type { TransactionContext } from '../deps'
import { enqueueAll } from '../jobs/queue'
import type { AppointmentStatus } from '../ledger/status'

type Freed = {
  id: string
  /** Before it was freed. */
  status: AppointmentStatus
  doctorId: string
  clinicId: string
  startsAt: Date
}

/**
 * To be called by whatever frees the time of appointments, in that transaction: once it has committed, those who wait for
 * such a time are offered it, one after the other. `appointments` as they were before.
 */
export function timeFreed(ctx: Pick<TransactionContext, 'db' | 'jobs'>, ...appointments: Freed[]): Promise<void> {
  const freed = appointments.map(({ id, status, doctorId, clinicId, startsAt }) => ({
    appointmentId: id,
    was: status === 'held' ? ('held' as const) : ('booked' as const),
    doctorId,
    clinicId,
    startsAt: startsAt.toISOString(),
  }))
  return enqueueAll(ctx, 'waitlist.time_freed', freed)
}
