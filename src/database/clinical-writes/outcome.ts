import { type Collection, MongoError, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb'
import type { Mongo } from '../mongo'

/** The outcome of an attempt at a write under a fixed id. If the attempt throws, its outcome is not known. */
export type WriteOutcome<D> =
  /** This or another attempt has written; `document` is its state now. */
  | { state: 'there'; document: D }
  /** A tombstone is under the id: no attempt can succeed any more. */
  | { state: 'blocked' }
  /** The document does not allow the write, and for this id never will. */
  | { state: 'refused' }
  /** MongoDB certainly has not stored this attempt. */
  | { state: 'not_written'; error: Error }

const DUPLICATE_KEY = 11_000
const VALIDATION_FAILED = 121

/** The stored form of tombstones: `voidedAt` under the id of a document, `voids` for names of entries in its lists. */
export type Stored = { _id: string; patientId: string; voidedAt?: Date; voids?: string[] }

/** Reads of this handle settle writes for good, so they only see data that no failover rolls back. */
export const durable = ({ db }: Mongo, name: string): Collection<Stored> =>
  db.collection(name, { readConcern: { level: 'majority' }, readPreference: 'primary' })

export const isDuplicate = (error: unknown) => error instanceof MongoServerError && error.code === DUPLICATE_KEY

/** Returns an error if certainly nothing was stored: there was no connection, or the validator refused the document. */
export function asNotWritten(error: unknown): Error | undefined {
  if (!(error instanceof MongoError)) return undefined
  // The driver's message quotes the document.
  if (error.code === VALIDATION_FAILED) return new Error('the validator of the collection refused the document')
  const unsent =
    error instanceof MongoServerSelectionError ||
    error.name === 'MongoWaitQueueTimeoutError' ||
    // The driver's label for a connection that could not be opened.
    (error instanceof MongoNetworkError && error.hasErrorLabel('SystemOverloadedError'))
  return unsent ? error : undefined
}

/** For a write that was seen, but not by a majority: a failover may roll it back, so the outcome is not known. */
export const notYetDurable = () => new MongoNetworkError('an earlier write under this id may still be rolled back')

/**
 * Turns plain objects into Maps, which BSON stores the same way. In an object BSON would read a field named
 * `_bsontype`, which clients may send, as one of its own types.
 */
export function withMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMaps)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return new Map(Object.entries(value).map(([key, member]) => [key, withMaps(member)]))
}
