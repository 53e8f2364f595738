import { canSeeAppointments } from '../access/appointments'
import { canSeePatient } from '../access/patients'
import { idOf, type ReplayRule } from '../http/operations/replay'

export const READABLE_APPOINTMENT: ReplayRule = {
  thing: 'appointment',
  mayRead: async (ctx, answered) => {
    const id = idOf(answered)
    return id !== undefined && canSeeAppointments(ctx, [id])
  },
}

/** A series shows its appointments; a dry run shows when its patient is free. */
export const READABLE_SERIES: ReplayRule = {
  thing: 'appointment',
  mayRead: async (ctx, { body, patientIds: [patientId] }) => {
    const { occurrences } = body as { occurrences: { appointment?: { id: string } }[] }
    const ids = occurrences.flatMap(({ appointment }) => appointment?.id ?? [])
    if (ids.length > 0) return canSeeAppointments(ctx, ids)
    return patientId !== undefined && canSeePatient(ctx, patientId)
  },
}
