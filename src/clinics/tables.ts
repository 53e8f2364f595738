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

export type ClinicsTables = { clinics: ClinicsTable; clinicClosures: ClinicClosuresTable }
