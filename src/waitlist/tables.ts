import type { Generated } from 'kysely'
import type { Role } from '../actor'

/** As stored; `statusNow` computes the status that a client sees. */
export type StoredStatus = 'waiting' | 'offered' | 'accepted' | 'declined' | 'lapsed' | 'withdrawn'

/** A wish for any time of one doctor, or of any doctor of a specialization, on local days, both inclusive. */
export type WaitlistEntriesTable = {
  id: string
  patientId: string
  /** Null when `specialization` is set. */
  doctorId: string | null
  specialization: string | null
  /** Null: every clinic. */
  clinicId: string | null
  startsOn: string
  endsOn: string
  status: Generated<StoredStatus>
  /** The appointment that is or was held for this entry: at most one ever. */
  offerId: string | null
  createdBy: string
  createdByRole: Role
  createdAt: Generated<Date>
}

export type WaitlistTables = { waitlistEntries: WaitlistEntriesTable }
