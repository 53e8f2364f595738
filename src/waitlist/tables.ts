import type { Generated } from 'kysely'
import type { Role } from '../actor'

/** As stored; what a client sees follows from it, the offer and the time, see `status.ts`. */
export type StoredStatus = 'waiting' | 'offered' | 'accepted' | 'declined' | 'lapsed' | 'withdrawn'

/** A wish for any time of one doctor, or of any doctor of a specialization, on local days, both inclusive. */
export type WaitlistEntriesTable = {
  id: string
  patientId: string
  /** Either this or `specialization`. */
  doctorId: string | null
  specialization: string | null
  /** Any clinic when null. */
  clinicId: string | null
  startsOn: string
  endsOn: string
  status: Generated<StoredStatus>
  /** The appointment that is, or was, held for this entry; there is only ever one. */
  offerId: string | null
  createdBy: string
  createdByRole: Role
  createdAt: Generated<Date>
}

export type WaitlistTables = { waitlistEntries: WaitlistEntriesTable }
