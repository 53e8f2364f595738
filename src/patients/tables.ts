import type { Generated } from 'kysely'

export type Gender = 'female' | 'male' | 'other' | 'unknown'

/** A patient needs no account: `userId` is null for phone bookings and children. */
export type PatientsTable = {
  id: string
  userId: string | null
  name: string
  email: string | null
  phone: string | null
  dateOfBirth: string
  gender: Generated<Gender>
  address: string | null
  /** Since then neither name nor contact data are held. */
  erasedAt: Date | null
  /** When the clinical documents of an erased patient had been kept long enough. */
  recordsDeletedAt: Date | null
  version: Generated<number>
  createdAt: Generated<Date>
}

export type PatientGuardiansTable = { userId: string; patientId: string }

/** A doctor's own decision to see a patient they are not related to, for a few hours. */
export type EmergencyAccessTable = {
  id: string
  doctorId: string
  patientId: string
  reason: string
  createdAt: Date
  expiresAt: Date
  /** When an admin has looked into it, and who. */
  reviewedAt: Date | null
  reviewedBy: string | null
}

export type PatientsTables = {
  patients: PatientsTable
  patientGuardians: PatientGuardiansTable
  emergencyAccess: EmergencyAccessTable
}
