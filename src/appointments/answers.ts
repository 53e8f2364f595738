import type { AuditFacts } from '../database/audit-outbox'
import type { Actor } from '../deps'
import { answer } from '../http/answer'
import type { AppointmentRow } from './queries'
import { presentAppointment } from './service'

/** One appointment as the caller may see it, with its version and whom the audit event is about. */
export const answerAppointment = (
  { actor }: { actor: Actor },
  appointment: AppointmentRow,
  detail?: AuditFacts['detail'],
) =>
  answer(presentAppointment(appointment, actor), {
    version: appointment.version,
    audit: { targetId: appointment.id, patientIds: [appointment.patientId], detail },
  })
