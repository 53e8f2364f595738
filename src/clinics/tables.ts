import type { Generated } from 'kysely'

export type ClinicsTable = {
  id: string
  name: string
  /** IANA name. */
  timeZone: string
  /** ISO 4217. */
  currency: string
  address: string | null
  phone: string | null
  version: Generated<number>
  /** The same as a doctor's, for all doctors of the clinic. */
  calendarVersion: Generated<string>
  createdAt: Generated<Date>
}

/** Local days, both inclusive. */
export type ClinicClosuresTable = {
  id: string
  clinicId: string
  startsOn: string
  endsOn: string
  reason: string | null
}

export type RoomsTable = {
  id: string
  clinicId: string
  /** Unique, in any case, among the rooms of the clinic that are in use. */
  name: string
  /** Since then no visit is put into it any more. */
  retiredAt: Date | null
  createdAt: Generated<Date>
}

export type ClinicsTables = { clinics: ClinicsTable; clinicClosures: ClinicClosuresTable; rooms: RoomsTable }
