import type { Document } from 'mongodb'
import type { Mongo } from '../mongo'
import { asNotWritten, durable, isDuplicate, notYetDurable, type WriteOutcome, withMaps } from './outcome'

/** A document of one patient. All filters have `patientId`: as a shard key, it would make `_id` unique per shard only. */
export type PatientDocument = { _id: string; patientId: string; createdAt: Date }

/** Filter for reads: a tombstone is not a document. */
export const NOT_TOMBSTONE = { voidedAt: { $exists: false } }

/** Inserts a document under its fixed id; repeating it changes nothing. If it throws, the outcome is not known. */
export async function insertClinicalDocument<D extends PatientDocument>(
  mongo: Mongo,
  name: string,
  document: D,
): Promise<WriteOutcome<D>> {
  const collection = durable(mongo, name)
  try {
    await mongo.ready()
    await collection.insertOne(storable(document))
    return { state: 'there', document }
  } catch (error) {
    const notWritten = asNotWritten(error)
    if (notWritten) return { state: 'not_written', error: notWritten }
    if (!isDuplicate(error)) throw error
  }
  const { _id, patientId } = document
  const stored = await collection.findOne({ _id, patientId })
  if (!stored) throw notYetDurable()
  // The id has the document of an earlier attempt, or a tombstone.
  return stored.voidedAt ? { state: 'blocked' } : { state: 'there', document: stored as Document as D }
}

/**
 * Looks for the document. If it is missing, the same atomic step stores a tombstone under its id, so that a late insert
 * fails.
 */
export async function findOrBlock(
  mongo: Mongo,
  name: string,
  { id: _id, patientId }: { id: string; patientId: string },
  voidedAt: Date,
): Promise<'there' | 'blocked'> {
  const upsert = () =>
    durable(mongo, name).findOneAndUpdate(
      { _id, patientId },
      { $setOnInsert: { voidedAt } },
      { upsert: true, returnDocument: 'after', projection: { voidedAt: 1 } },
    )
  const found = await upsert().catch((error) => {
    // Lost the race against another upsert; the id exists now, so try once more.
    if (isDuplicate(error)) return upsert()
    throw error
  })
  return found?.voidedAt ? 'blocked' : 'there'
}

const storable = ({ _id, patientId, ...fields }: PatientDocument) => ({
  _id,
  patientId,
  ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, withMaps(value)])),
})
