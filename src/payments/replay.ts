import { canSeeAppointments } from '../access/appointments'
import type { ReplayRule } from '../http/operations/replay'

/** Callers who may see its appointment. */
export const READABLE_PAYMENT: ReplayRule = {
  thing: 'payment',
  mayRead: async (ctx, { body }) => canSeeAppointments(ctx, [(body as { appointmentId: string }).appointmentId]),
}
