import {
  type Collection,
  type Document,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb'
import type { Mongo } from './mongo'

/** A document of one patient. `patientId` is in every filter here: it would be the shard key, and `_id` is unique per shard. */
export type PatientDocument = { _id: string; patientId: string; createdAt: Date }

/**
 * What became of an insert: `there`, with the document stored under the id, ours or that of an earlier attempt; `void`
 * when the id had been given up; `not_written` when MongoDB certainly has not taken it.
 */
export type Inserted<D> = { state: 'there'; document: D } | { state: 'void' } | { state: 'not_written'; error: Error }

/** For reads: an id that was given up is no document. */
export const NOT_VOID = { voidedAt: { $exists: false } }

const DUPLICATE_KEY = 11_000
const VALIDATION_FAILED = 121

/** Inserts under a fixed id, any number of times. An error that it throws leaves the outcome open. */
export async function insertFenced<D extends PatientDocument>(
  mongo: Mongo,
  name: string,
  document: D,
): Promise<Inserted<D>> {
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
  if (!stored) throw new MongoNetworkError('an earlier insert under this id may still be rolled back')
  // Under our id there is what an earlier attempt at the same document inserted, or the mark of a void one.
  return stored.voidedAt ? { state: 'void' } : { state: 'there', document: stored as Document as D }
}

/**
 * Says whether a document is there and, when it is not, takes its id in the same atomic step, so that an insert which is
 * still on its way can no longer succeed.
 */
export async function findOrVoid(
  mongo: Mongo,
  name: string,
  { id: _id, patientId }: { id: string; patientId: string },
  voidedAt: Date,
): Promise<'there' | 'void'> {
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
  return found?.voidedAt ? 'void' : 'there'
}

type Stored = { _id: string; patientId: string; voidedAt?: Date }

/** Reads here decide what is true for good, so they see only what no failover takes back. */
const durable = ({ db }: Mongo, name: string): Collection<Stored> =>
  db.collection(name, { readConcern: { level: 'majority' }, readPreference: 'primary' })

const isDuplicate = (error: unknown) => error instanceof MongoServerError && error.code === DUPLICATE_KEY

/** No server or no connection to one: nothing was sent. Refused by the validator: nothing was kept. */
function asNotWritten(error: unknown): Error | undefined {
  if (!(error instanceof MongoError)) return undefined
  // The original quotes the document.
  if (error.code === VALIDATION_FAILED) return new Error('the validator of the collection refused the document')
  const unsent =
    error instanceof MongoServerSelectionError ||
    error.name === 'MongoWaitQueueTimeoutError' ||
    // The driver's mark for a connection that could not be made.
    (error instanceof MongoNetworkError && error.hasErrorLabel('SystemOverloadedError'))
  return unsent ? error : undefined
}

/**
 * Plain objects become Maps, which BSON writes the same way: in an object it would take a field named `_bsontype`, which
 * clients may send like any other, for a type of its own.
 */
function storable({ _id, patientId, ...fields }: PatientDocument): Stored {
  return { _id, patientId, ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, withMaps(value)])) }
}

function withMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMaps)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return new Map(Object.entries(value).map(([key, member]) => [key, withMaps(member)]))
}
