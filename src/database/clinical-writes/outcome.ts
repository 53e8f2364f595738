import { type Collection, MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb'
import type { Mongo } from '../mongo'

/**
 * What became of an attempt at a write whose id is fixed: `there`, with the document as it is now, whoever's attempt it
 * was; `void` when the id had been given up; `refused` when the document does not allow it, and for that id never will;
 * `not_written` when MongoDB certainly has not taken this attempt. What is thrown leaves the outcome open.
 */
export type WriteOutcome<D> =
  | { state: 'there'; document: D }
  | { state: 'blocked' }
  | { state: 'refused' }
  | { state: 'not_written'; error: Error }

const DUPLICATE_KEY = 11_000
const VALIDATION_FAILED = 121

/** `voids` are ids of entries that may not be appended any more. */
export type Stored = { _id: string; patientId: string; voidedAt?: Date; voids?: string[] }

/** Reads here decide what is true for good, so they see only what no failover takes back. */
export const durable = ({ db }: Mongo, name: string): Collection<Stored> =>
  db.collection(name, { readConcern: { level: 'majority' }, readPreference: 'primary' })

export const isDuplicate = (error: unknown) => error instanceof MongoServerError && error.code === DUPLICATE_KEY

/** No server or no connection to one: nothing was sent. Refused by the validator: nothing was kept. */
export function asNotWritten(error: unknown): Error | undefined {
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

/** What was seen may still be taken back by a failover: neither yes nor no can be said. */
export const notYetDurable = () => new MongoNetworkError('an earlier write under this id may still be rolled back')

/**
 * Plain objects become Maps, which BSON writes the same way: in an object it would take a field named `_bsontype`, which
 * clients may send like any other, for a type of its own.
 */
export function withMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMaps)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return new Map(Object.entries(value).map(([key, member]) => [key, withMaps(member)]))
}
