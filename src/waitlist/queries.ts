import {
  type Expression,
  expressionBuilder,
  type Insertable,
  type Kysely,
  type SqlBool,
  sql,
  type Transaction,
} from 'kysely'
import { isListed } from '../access/doctors'
import { ownPatients } from '../access/patients'
import type { Caller, Identity } from '../actor'
import type { TimeFreed } from '../appointments/jobs'
import { preparedOneRow } from '../database/audited-read'
import { prepared } from '../database/prepared'
import type { Database } from '../database/schema'
import { countUpcoming } from '../scheduling/patient-counts'
import type { StoredStatus, WaitlistEntriesTable } from './tables'

/** The entries that the caller may see: patients their own and their wards', admins all. */
function visibleEntries({ role, userId }: Identity): Expression<SqlBool> {
  const { eb, lit } = expressionBuilder<Database, 'waitlistEntries'>()
  if (role === 'admin') return lit(true)
  return eb('waitlistEntries.patientId', 'in', ownPatients(userId))
}

function selectEntries(db: Kysely<Database>, actor: Identity) {
  return db
    .selectFrom('waitlistEntries')
    .innerJoin('patients', 'patients.id', 'waitlistEntries.patientId')
    .leftJoin('doctors', 'doctors.id', 'waitlistEntries.doctorId')
    .leftJoin('clinics', 'clinics.id', 'waitlistEntries.clinicId')
    .leftJoin('appointments as offer', 'offer.id', 'waitlistEntries.offerId')
    .leftJoin('doctors as offerDoctor', 'offerDoctor.id', 'offer.doctorId')
    .leftJoin('clinics as offerClinic', 'offerClinic.id', 'offer.clinicId')
    .select([
      'waitlistEntries.id',
      'waitlistEntries.status',
      'waitlistEntries.patientId',
      'patients.name as patientName',
      'waitlistEntries.doctorId',
      'doctors.name as doctorName',
      'waitlistEntries.specialization',
      'waitlistEntries.clinicId',
      'clinics.name as clinicName',
      'waitlistEntries.startsOn',
      'waitlistEntries.endsOn',
      'waitlistEntries.createdBy',
      'waitlistEntries.createdByRole',
      'waitlistEntries.createdAt',
      'offer.id as offerId',
      'offer.status as offerStatus',
      'offer.startsAt as offerStartsAt',
      'offer.endsAt as offerEndsAt',
      'offer.holdExpiresAt as offerExpiresAt',
      'offer.timeZone as offerTimeZone',
      'offerDoctor.id as offerDoctorId',
      'offerDoctor.name as offerDoctorName',
      'offerClinic.id as offerClinicId',
      'offerClinic.name as offerClinicName',
    ])
    .where(visibleEntries(actor))
}

export type EntryRow = Awaited<ReturnType<typeof listWaitlistEntries>>[number]

/** Newest first; `after` is the last row of the page before. */
export const listWaitlistEntries = prepared(selectPage, ['role'])

function selectPage(
  db: Kysely<Database>,
  actor: Caller,
  { limit }: { limit: number },
  after?: { createdAt: Date; id: string },
) {
  return selectEntries(db, actor)
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('waitlistEntries.createdAt', 'waitlistEntries.id'), '<', tuple(after!.createdAt, after!.id)),
      ),
    )
    .orderBy('waitlistEntries.createdAt', 'desc')
    .orderBy('waitlistEntries.id', 'desc')
    .limit(limit)
}

export const findWaitlistEntry = preparedOneRow((db, actor, { id }) =>
  selectEntries(db, actor).where('waitlistEntries.id', '=', id),
)

/** Whether a doctor of the specialization (case ignored) works at the clinic, or at any clinic. */
export async function hasDoctorOf(
  db: Kysely<Database>,
  { specialization, clinicId, verifiedOnly }: { specialization: string; clinicId?: string; verifiedOnly: boolean },
): Promise<boolean> {
  const doctor = await db
    .selectFrom('doctors')
    .innerJoin('doctorClinics', 'doctorClinics.doctorId', 'doctors.id')
    .select('doctors.id')
    .where(sql`lower(doctors.specialization)`, '=', sql`lower(${specialization})`)
    .$if(clinicId !== undefined, (qb) => qb.where('doctorClinics.clinicId', '=', clinicId!))
    .where(isListed({ verifiedOnly }))
    .limit(1)
    .executeTakeFirst()
  return doctor !== undefined
}

/** A patient's entries that still wait. Call it under the patient's lock, so that the count stays true. */
export async function countWaiting(db: Transaction<Database>, patientId: string, today: string): Promise<number> {
  const { count } = await db
    .selectFrom('waitlistEntries')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('patientId', '=', patientId)
    .where('status', '=', 'waiting')
    .where('endsOn', '>=', today)
    .executeTakeFirstOrThrow()
  return count
}

/** Under the patient's lock: see `assertMayBookMore`. */
export function countUpcomingVisits(
  db: Transaction<Database>,
  { doctorId, ...search }: { patientId: string; doctorId: string; now: Date },
) {
  return db
    .selectNoFrom([countUpcoming(search).as('upcoming'), countUpcoming(search, doctorId).as('upcomingWithDoctor')])
    .executeTakeFirstOrThrow()
}

export async function isErased(db: Transaction<Database>, patientId: string): Promise<boolean> {
  const erased = await db
    .selectFrom('patients')
    .select('id')
    .where('id', '=', patientId)
    .where('erasedAt', 'is not', null)
    .executeTakeFirst()
  return erased !== undefined
}

/** The resources to lock before an offer is answered; read without a lock. */
export function findPartiesOfOffer(db: Transaction<Database>, offerId: string) {
  return db
    .selectFrom('appointments')
    .select(['doctorId', 'patientId', 'clinicId', 'roomId'])
    .where('id', '=', offerId)
    .executeTakeFirst()
}

export async function insertWaitlistEntry(
  db: Transaction<Database>,
  entry: Insertable<WaitlistEntriesTable> & { createdAt: Date },
): Promise<void> {
  await db.insertInto('waitlistEntries').values(entry).execute()
}

/** False if the entry does not have the status `from` any more; then nothing changes. */
export async function updateWaitlistStatus(
  db: Transaction<Database>,
  id: string,
  { from, to, offerId }: { from: StoredStatus; to: StoredStatus; offerId?: string },
): Promise<boolean> {
  const changed = await db
    .updateTable('waitlistEntries')
    .set({ status: to, ...(offerId && { offerId }) })
    .where('id', '=', id)
    .where('status', '=', from)
    .returning('id')
    .executeTakeFirst()
  return changed !== undefined
}

/** Stores how an offer ended whose time is free again, unless it is stored already. */
export async function settleOffer(db: Kysely<Database>, { appointmentId, was }: TimeFreed): Promise<void> {
  await db
    .updateTable('waitlistEntries')
    .from('appointments')
    .set({
      status: sql<StoredStatus>`case when ${was} = 'booked' then 'accepted'
        when appointments.status = 'expired' then 'lapsed'
        when appointments.status = 'cancelled' then 'declined'
        else 'accepted' end`,
    })
    .whereRef('appointments.id', '=', 'waitlistEntries.offerId')
    .where('waitlistEntries.offerId', '=', appointmentId)
    .where('waitlistEntries.status', '=', 'offered')
    .where('appointments.status', '<>', 'held')
    .execute()
}

/**
 * The oldest waiting entry that wants the freed time, without those in `passed` and those of the patient who had the time;
 * none for a disabled doctor. `day` is the local day of the time at its clinic.
 * `visitTypeId` is the visit type of the freed appointment if it is still active.
 */
export function findNextInLine(db: Kysely<Database>, { day, ...freed }: TimeFreed & { day: string }, passed: string[]) {
  return (
    db
      .selectFrom('appointments')
      .innerJoin('doctors', (join) => join.on('doctors.id', '=', freed.doctorId))
      .leftJoin('visitTypes', (join) =>
        join.onRef('visitTypes.id', '=', 'appointments.visitTypeId').on('visitTypes.active', '=', true),
      )
      .innerJoin('waitlistEntries', (join) =>
        join.on(({ and, eb, or, ref }) =>
          or([
            eb('waitlistEntries.doctorId', '=', freed.doctorId),
            and([
              eb('waitlistEntries.doctorId', 'is', null),
              eb(sql`lower(waitlist_entries.specialization)`, '=', sql`lower(${ref('doctors.specialization')})`),
            ]),
          ]),
        ),
      )
      .innerJoin('patients', 'patients.id', 'waitlistEntries.patientId')
      .select([
        'waitlistEntries.id',
        'waitlistEntries.patientId',
        'waitlistEntries.createdBy',
        'waitlistEntries.createdByRole',
        'visitTypes.id as visitTypeId',
      ])
      .where('appointments.id', '=', freed.appointmentId)
      .where('doctors.disabled', '=', false)
      .where('waitlistEntries.status', '=', 'waiting')
      .where(({ eb, or }) =>
        or([eb('waitlistEntries.clinicId', 'is', null), eb('waitlistEntries.clinicId', '=', freed.clinicId)]),
      )
      // As a range: two comparisons look so likely to the planner that it walks over all entries by age.
      .where(sql<boolean>`daterange(starts_on, ends_on, '[]') @> cast(${day} as date)`)
      .whereRef('waitlistEntries.patientId', '<>', 'appointments.patientId')
      .where('patients.erasedAt', 'is', null)
      .where('waitlistEntries.id', '<>', sql<string>`all(${passed}::uuid[])`)
      .orderBy('waitlistEntries.createdAt')
      .orderBy('waitlistEntries.id')
      .limit(1)
      .executeTakeFirst()
  )
}
