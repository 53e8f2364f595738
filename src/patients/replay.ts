import { canSeePatient } from '../access/patients'
import { idOf, type ReplayRule } from '../http/operations/replay'

export const READABLE_PATIENT: ReplayRule = {
  thing: 'patient',
  mayRead: async (ctx, answered) => {
    const id = idOf(answered)
    return id !== undefined && canSeePatient(ctx, id)
  },
}

/** For answers that name their patient in the audit event only. */
export const READABLE_FOR_PATIENT: ReplayRule = {
  thing: 'patient',
  mayRead: async (ctx, { patientIds: [id] }) => id !== undefined && canSeePatient(ctx, id),
}
