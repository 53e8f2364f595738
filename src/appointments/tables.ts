import type { ColumnType, Generated } from 'kysely'
import type { Role } from '../actor'
import type { AppointmentStatus } from '../ledger/status'

export type AppointmentsTable = {
  id: string
  patientId: string
  doctorId: string
  clinicId: string
  /** A room of the clinic; null for a visit that needs none. */
  roomId: string | null
  visitTypeId: string
  startsAt: Date
  endsAt: Date
  /** The local calendar day of `startsAt` in the appointment's own `timeZone`. */
  date: string
  status: AppointmentStatus
  holdExpiresAt: Date | null
  reason: string | null
  createdBy: string
  createdByRole: Role
  /** Through which access a doctor booked: a booking made on an emergency never establishes a treatment relationship. */
  accessBasis: Generated<'relationship' | 'emergency'>
  /** `endsAt` at booking, or as the patient or an admin last moved it; moves by the doctor do not change it. */
  originalEndsAt: Generated<Date>
  cancelledAt: Date | null
  cancelledBy: string | null
  cancellationReason: string | null
  /** When a status set by mistake was last undone, by whom and why. */
  undoneAt: Date | null
  undoneBy: string | null
  undoReason: string | null
  /** Terms as they were at booking: later changes of the visit type or the clinic do not touch them. */
  timeZone: string
  mode: 'in_person' | 'telehealth'
  priceAmount: number
  priceCurrency: string
  cancellationFreeUntilMinutes: number
  cancellationLateRefundPercent: number
  /** Until when the patient cancels free of charge; a move by the patient after this time does not renew it. */
  freeUntil: Generated<Date>
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  /** Only its payment confirms the hold. */
  requiresPrepayment: Generated<boolean>
  /** RFC 5545 SEQUENCE of the calendar invitation. */
  calendarSequence: Generated<number>
  version: Generated<number>
  createdAt: Generated<Date>
}

/** Busy ranges of doctors, patients and rooms: one exclusion constraint over all kinds makes double bookings impossible. */
export type OccupancyTable = {
  appointmentId: string
  kind: 'doctor' | 'patient' | 'room'
  resourceId: string
  /** `tstzrange`, half open; doctor and room rows include the buffers. Written and read as its text form. */
  during: ColumnType<string, string, string>
  /** When a hold expires; null for a booking. */
  expiresAt: Date | null
}

export type AppointmentsTables = { appointments: AppointmentsTable; occupancy: OccupancyTable }
