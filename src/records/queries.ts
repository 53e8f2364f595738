import type { Kysely } from 'kysely'
import type { Collection, Filter, FindCursor } from 'mongodb'
import { preparedForViewer, visiblePatients } from '../access/patients'
import { NOT_TOMBSTONE, type PatientDocument } from '../database/clinical-writes/insert'
import type { Database } from '../database/schema'

const READ = { maxTimeMS: 5_000 }

export type DocumentFilter = {
  patientId: string
  doctorId?: string
  type?: string
  from?: Date
  to?: Date
  /** Words; a record must contain all of them. */
  q?: string
}
export type Position = { createdAt: Date; id: string }

/** A cursor, newest first; `after` is the last document of the page before. A `limit` of 0 means no limit. */
export function findDocuments<D extends PatientDocument>(
  collection: Collection<D>,
  filter: DocumentFilter,
  limit: number,
  after?: Position,
): FindCursor<D> {
  const cursor = asDocuments(collection).find(matching(filter, after), READ)
  // See `asDocuments`.
  return cursor.sort({ createdAt: -1, _id: -1 }).limit(limit) as FindCursor<PatientDocument> as FindCursor<D>
}

function matching(
  { patientId, doctorId, type, from, to, q }: DocumentFilter,
  after?: Position,
): Filter<PatientDocument> {
  const latest = after && (!to || after.createdAt < to) ? after.createdAt : to
  return {
    patientId,
    ...(doctorId && { doctorId }),
    ...(type && { type }),
    ...(q && { $text: { $search: quoted(q) } }),
    ...((from || latest) && { createdAt: { ...(from && { $gte: from }), ...(latest && { $lte: latest }) } }),
    // The range above lets MongoDB use the index; this only decides between documents of the same instant.
    ...(after && {
      $or: [{ createdAt: { $lt: after.createdAt } }, { createdAt: after.createdAt, _id: { $lt: after.id } }],
    }),
    ...NOT_TOMBSTONE,
  }
}

/** Each word as a quoted phrase: MongoDB then requires all of them and reads no word as an operator. */
const quoted = (words: string) =>
  words
    .replaceAll(/["\\]/g, ' ')
    .trim()
    .split(/\s+/)
    .map((word) => `"${word}"`)
    .join(' ')

export async function findDocument<D extends PatientDocument>(collection: Collection<D>, id: string) {
  return (await asDocuments(collection).findOne({ _id: id, ...NOT_TOMBSTONE }, READ)) as D | null
}

/** Whether the doctor has written any document of the collection for the patient. */
export async function hasWritten<D extends PatientDocument>(
  collection: Collection<D>,
  { patientId, doctorId }: { patientId: string; doctorId: string },
): Promise<boolean> {
  const filter: Filter<PatientDocument> = { patientId, doctorId, ...NOT_TOMBSTONE }
  return (await asDocuments(collection).findOne(filter, { ...READ, projection: { _id: 1 } })) !== null
}

/** TypeScript cannot resolve the driver's `Filter<D>` for a generic D; every D has the fields of the filters here. */
const asDocuments = <D extends PatientDocument>(collection: Collection<D>) =>
  collection as unknown as Collection<PatientDocument>

type AuthorshipSearch = { doctorId: string; patientId: string; appointmentId: string | null }

/**
 * In one statement: the doctor's name and whether `appointmentId` is an appointment of this doctor with this patient.
 * Undefined when the viewer may not see the patient.
 */
export const findAuthorship = preparedForViewer(
  (db, viewer, { doctorId, patientId, appointmentId }: AuthorshipSearch) =>
    db
      .selectFrom('patients')
      .innerJoin('doctors', (join) => join.on('doctors.id', '=', doctorId))
      .select(['patients.id as patientId', 'doctors.name as doctorName'])
      .select(({ exists, selectFrom, lit }) =>
        exists(
          selectFrom('appointments')
            .select(lit(1).as('one'))
            .where('appointments.id', '=', appointmentId)
            .whereRef('appointments.patientId', '=', 'patients.id')
            .whereRef('appointments.doctorId', '=', 'doctors.id'),
        ).as('sharesAppointment'),
      )
      .where('patients.id', '=', patientId)
      .where(visiblePatients(viewer)),
)

export async function findDoctorName(db: Kysely<Database>, id: string): Promise<string | undefined> {
  const doctor = await db.selectFrom('doctors').select('name').where('id', '=', id).executeTakeFirst()
  return doctor?.name
}
