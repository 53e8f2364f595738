import type { Caller } from '../actor'
import type { AuditFacts } from '../database/audit-event'
import { answer } from '../http/answer'
import { formatInstant } from '../http/schemas'
import { localStart } from '../scheduling/local-time'
import type { AppointmentRow } from './queries'
import type { Appointment } from './schemas'

/** One appointment as the caller may see it, with its version and what the audit event names. */
export const answerAppointment = (
  { actor }: { actor: Caller },
  appointment: AppointmentRow,
  detail?: AuditFacts['detail'],
) =>
  answer(presentAppointment(appointment, actor), {
    version: appointment.version,
    audit: { targetId: appointment.id, patientIds: [appointment.patientId], detail },
  })

/** Admins run the clinic but read no clinical text: for them `reason` is null. Local by the appointment's own time zone. */
export const presentAppointment = (row: AppointmentRow, { role }: Pick<Caller, 'role'>): Appointment => ({
  id: row.id,
  status: row.status,
  patient: { id: row.patientId, name: row.patientName },
  doctor: { id: row.doctorId, name: row.doctorName, specialization: row.specialization },
  clinic: { id: row.clinicId, name: row.clinicName, timeZone: row.timeZone },
  visitType: { id: row.visitTypeId, name: row.visitTypeName, mode: row.mode },
  ...(row.room && { room: row.room }),
  startsAt: formatInstant(row.startsAt),
  endsAt: formatInstant(row.endsAt),
  localStart: localStart(row.startsAt.getTime(), row.timeZone),
  price: { amount: row.priceAmount, currency: row.priceCurrency },
  cancellationPolicy: {
    freeUntilMinutes: row.cancellationFreeUntilMinutes,
    lateRefundPercent: row.cancellationLateRefundPercent,
  },
  reason: role === 'admin' ? null : row.reason,
  payment: row.payment,
  ...(row.holdExpiresAt && { holdExpiresAt: formatInstant(row.holdExpiresAt) }),
  createdAt: formatInstant(row.createdAt),
  version: row.version,
})
