import type { Generated } from 'kysely'

export type Gender = 'female' | 'male' | 'other' | 'unknown'

/** A patient needs no account: `userId` is null for phone bookings and children. */
export type PatientsTable = {
  id: string
  userId: string | null
  name: string
  /** The name as a search compares it; null until a task has folded what another release wrote. */
  folded: string | null
  email: string | null
  phone: string | null
  dateOfBirth: string
  gender: Generated<Gender>
  address: string | null
  /** When name and contact data were erased. */
  erasedAt: Date | null
  /** When the clinical documents of an erased patient were deleted, after RECORDS_RETENTION. */
  recordsDeletedAt: Date | null
  version: Generated<number>
  createdAt: Generated<Date>
}

export type PatientGuardiansTable = { userId: string; patientId: string }

/** Emergency access: a doctor's own decision to see a patient without a treatment relationship, for a few hours. */
export type EmergencyAccessTable = {
  id: string
  doctorId: string
  patientId: string
  reason: string
  createdAt: Date
  expiresAt: Date
  /** When an admin first reviewed it; `reviewedBy` is that admin's user id. */
  reviewedAt: Date | null
  reviewedBy: string | null
}

export type PatientsTables = {
  patients: PatientsTable
  patientGuardians: PatientGuardiansTable
  emergencyAccess: EmergencyAccessTable
}
