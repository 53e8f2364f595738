import type { Document } from 'mongodb'
import type { Mongo } from '../mongo'
import { asNotWritten, durable, isDuplicate, notYetDurable, type WriteOutcome, withMaps } from './outcome'

/** A document of one patient. `patientId` is in every filter here: it would be the shard key, and `_id` is unique per shard. */
export type PatientDocument = { _id: string; patientId: string; createdAt: Date }

/** For reads: an id that was given up is no document. */
export const NOT_TOMBSTONE = { voidedAt: { $exists: false } }

/** Inserts under a fixed id, any number of times. An error that it throws leaves the outcome open. */
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
  // Under our id there is what an earlier attempt at the same document inserted, or the mark of a void one.
  return stored.voidedAt ? { state: 'blocked' } : { state: 'there', document: stored as Document as D }
}

/**
 * Says whether a document is there and, when it is not, takes its id in the same atomic step, so that an insert which is
 * still on its way can no longer succeed.
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
    // Somebody inserted between its look and its insert: now there is something to find.
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
