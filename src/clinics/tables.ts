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
  /** Part of the calendar version of every doctor of the clinic: changes with name, time zone and closures. */
  calendarVersion: Generated<string>
  createdAt: Generated<Date>
}

/** Local days of the clinic, both included. */
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
  /** Unique among the clinic's rooms in use; upper and lower case are the same. */
  name: string
  /** From then on new visits do not get this room. */
  retiredAt: Date | null
  createdAt: Generated<Date>
}

export type ClinicsTables = { clinics: ClinicsTable; clinicClosures: ClinicClosuresTable; rooms: RoomsTable }
