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
  version: Generated<number>
  createdAt: Generated<Date>
}

export type PatientGuardiansTable = { userId: string; patientId: string }

export type PatientsTables = { patients: PatientsTable; patientGuardians: PatientGuardiansTable }
