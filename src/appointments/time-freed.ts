import type { TransactionContext } from '../deps'
import { enqueueAll } from '../jobs/queue'
import type { AppointmentStatus } from '../ledger/status'

type FreedAppointment = {
  id: string
  /** Before its time was freed. */
  status: AppointmentStatus
  doctorId: string
  clinicId: string
  startsAt: Date
}

/**
 * Call it in the transaction that frees the time of appointments, with the appointments as they were before. After the
 * commit a job offers each time to the waiting list.
 */
export function timeFreed(
  ctx: Pick<TransactionContext, 'db' | 'jobs'>,
  ...appointments: FreedAppointment[]
): Promise<void> {
  const freed = appointments.map(({ id, status, doctorId, clinicId, startsAt }) => ({
    appointmentId: id,
    was: status === 'held' ? ('held' as const) : ('booked' as const),
    doctorId,
    clinicId,
    startsAt: startsAt.toISOString(),
  }))
  return enqueueAll(ctx, 'waitlist.time_freed', freed)
}
