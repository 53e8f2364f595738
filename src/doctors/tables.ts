import type { Generated } from 'kysely'

export type DoctorsTable = {
  id: string
  userId: string | null
  name: string
  specialization: string
  licenseNumber: string
  bio: string | null
  verifiedAt: Date | null
  version: Generated<number>
  /** Grows with every change of the schedules and exceptions of the doctor. */
  availabilityVersion: Generated<number>
  /** Another one after each change of what decides when the doctor can be booked, but for what is taken. */
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

/** Both days null: the standing week. Both set: overrides it on those local days, inclusive. */
export type SchedulesTable = {
  id: string
  doctorId: string
  clinicId: string
  validFrom: string | null
  validUntil: string | null
  version: Generated<number>
}

/** Wall-clock times `HH:mm:ss` of the clinic's zone; an end may be `24:00:00`. */
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
