import type { ReplayRule } from '../http/operations/replay'
import { canRead } from './service'

/** Author or visible patient, as for reading the document. */
export const READABLE_DOCUMENT: ReplayRule = {
  thing: 'document',
  mayRead: async (ctx, { body }) => {
    const { patientId, doctor } = body as { patientId: string; doctor: { id: string } }
    return canRead(ctx, { patientId, doctorId: doctor.id })
  },
}
