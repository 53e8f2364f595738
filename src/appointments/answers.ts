import type { Caller } from '../actor'
import type { AuditFacts } from '../database/audit-event'
import { answer } from '../http/answer'
import type { AppointmentRow } from './queries'
import { presentAppointment } from './service'

/** One appointment as the caller may see it, with its version and whom the audit event is about. */
export const answerAppointment = (
  { actor }: { actor: Caller },
  appointment: AppointmentRow,
  detail?: AuditFacts['detail'],
) =>
  answer(presentAppointment(appointment, actor), {
    version: appointment.version,
    audit: { targetId: appointment.id, patientIds: [appointment.patientId], detail },
  })
