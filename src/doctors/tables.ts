import type { Generated } from 'kysely'

export type DoctorsTable = {
  id: string
  userId: string | null
  name: string
  specialization: string
  /** Both as a search compares them; null until a task has folded what another release wrote. */
  folded: string | null
  licenseNumber: string
  bio: string | null
  verifiedAt: Date | null
  /** Whether the account of the doctor is disabled; a trigger copies it from `users.status`. */
  disabled: Generated<boolean>
  version: Generated<number>
  /** Grows with every change of the doctor's schedules and exceptions; the ETag of their availability. */
  availabilityVersion: Generated<number>
  /** Cache key: changes with name, verification, account status, clinics, hours, visit types and exceptions, not with bookings. */
  calendarVersion: Generated<string>
  createdAt: Generated<Date>
}

export type DoctorClinicsTable = { doctorId: string; clinicId: string }

export type VisitTypesTable = {
  id: string
  doctorId: string
  name: string
  durationMinutes: number
  slotIntervalMinutes: number
  bufferBeforeMinutes: Generated<number>
  bufferAfterMinutes: Generated<number>
  mode: Generated<'in_person' | 'telehealth'>
  /** Minor units. */
  priceAmount: number
  priceCurrency: string
  minimumNoticeMinutes: Generated<number>
  horizonDays: Generated<number>
  cancellationFreeUntilMinutes: Generated<number>
  cancellationLateRefundPercent: Generated<number>
  requiresRoom: Generated<boolean>
  requiresPrepayment: Generated<boolean>
  active: Generated<boolean>
  version: Generated<number>
  createdAt: Generated<Date>
}

/** Both days null: the standing week. Both set: a dated schedule, which replaces it on these local days (both included). */
export type SchedulesTable = {
  id: string
  doctorId: string
  clinicId: string
  validFrom: string | null
  validUntil: string | null
  version: Generated<number>
}

/** Local times `HH:mm:ss` of the clinic; an end may be `24:00:00`. */
export type ScheduleWindowsTable = { scheduleId: string; weekday: number; startTime: string; endTime: string }

export type AvailabilityExceptionsTable = {
  id: string
  doctorId: string
  clinicId: string
  startsAt: Date
  endsAt: Date
  kind: 'off' | 'extra'
  note: string | null
  createdAt: Generated<Date>
}

export type DoctorsTables = {
  doctors: DoctorsTable
  doctorClinics: DoctorClinicsTable
  visitTypes: VisitTypesTable
  schedules: SchedulesTable
  scheduleWindows: ScheduleWindowsTable
  availabilityExceptions: AvailabilityExceptionsTable
}
