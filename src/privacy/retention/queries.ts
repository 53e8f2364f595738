import type { Kysely, Transaction } from 'kysely'
import type { Filter } from 'mongodb'
import { NOT_TOMBSTONE, type PatientDocument } from '../../database/clinical-writes/insert'
import type { Mongo } from '../../database/mongo'
import type { Database } from '../../database/schema'
import { CLINICAL_COLLECTIONS } from '../../records/collections'

/** Erased patients whose documents are not deleted yet and who have no appointment that ends after `until`. */
export function listErasedPatients(db: Kysely<Database>, until: Date) {
  return db
    .selectFrom('patients')
    .select('patients.id')
    .where('patients.erasedAt', 'is not', null)
    .where('patients.recordsDeletedAt', 'is', null)
    .where(({ exists, lit, not, selectFrom }) =>
      not(
        exists(
          selectFrom('appointments')
            .select(lit(1).as('one'))
            .whereRef('appointments.patientId', '=', 'patients.id')
            .where('appointments.endsAt', '>', until),
        ),
      ),
    )
    .orderBy('patients.id')
    .execute()
}

/** False when the patient is marked already. */
export async function markRecordsDeleted(db: Transaction<Database>, id: string, now: Date): Promise<boolean> {
  const marked = await db
    .updateTable('patients')
    .set({ recordsDeletedAt: now })
    .where('id', '=', id)
    .where('recordsDeletedAt', 'is', null)
    .returning('id')
    .executeTakeFirst()
  return marked !== undefined
}

const clinicalCollections = (mongo: Mongo) =>
  CLINICAL_COLLECTIONS.map(({ name }) => mongo.collection<PatientDocument>(name))

/** Whether any document of the patient was created or changed after `until`. */
export async function hasDocuments(mongo: Mongo, patientId: string, until: Date): Promise<boolean> {
  const later = { $gt: until }
  const changes = ['createdAt', 'amendments.createdAt', 'attachments.createdAt', 'events.at']
  const filter = { patientId, $or: changes.map((field) => ({ [field]: later })), ...NOT_TOMBSTONE }
  for (const collection of clinicalCollections(mongo))
    if (await collection.findOne(filter as Filter<PatientDocument>, { projection: { _id: 1 } })) return true
  return false
}

/** The time is part of the statement itself, so that no caller can delete newer documents. */
export async function deleteDocumentsUntil(mongo: Mongo, patientId: string, until: Date): Promise<void> {
  for (const collection of clinicalCollections(mongo))
    await collection.deleteMany({ patientId, createdAt: { $lte: until } })
}
