import { MongoError, MongoNetworkError, MongoServerSelectionError } from 'mongodb'
import pg from 'pg'
import { type AppError, unavailable } from '../errors'
import { UnknownOutcomeError } from './postgres'

const RETRY = new Set(['40001', '40P01'])
const UNAVAILABLE = /^(55P03|57014|53\d{3}|57P\d{2}|08\w{3}|25P03|25006)$/
/** Shutting down, changing primaries, timed out, too few replicas to acknowledge, no free connection, closed by us. */
const MONGO_UNAVAILABLE = new Set<string | number>([
  ...[6, 7, 50, 64, 89, 91, 189, 262, 462, 9001, 10107, 11600, 11602, 13435, 13436],
  ...['MongoWaitQueueTimeoutError', 'MongoPoolClosedError', 'MongoTopologyClosedError', 'MongoClientClosedError'],
])
const LOST =
  /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|not queryable|pool after calling end/
const SOCKET = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH'])

/** Whether PostgreSQL refused the statement because of this constraint or unique index. */
export const violates = (error: unknown, constraint: string): boolean =>
  error instanceof pg.DatabaseError && error.constraint === constraint

/** Serialisation failure or deadlock: nothing was done, and a retry may succeed at once. */
export const isRetryable = (error: unknown): boolean => error instanceof pg.DatabaseError && RETRY.has(error.code ?? '')

/** 503 for a database that is down, full or too slow, and for a lost connection; undefined for all other errors. */
export function asUnavailable(error: unknown): AppError | undefined {
  if (error instanceof UnknownOutcomeError)
    return unavailable('The outcome is not known. Send the request again with the same Idempotency-Key.', error)
  if (isDatabaseDown(error)) return unavailable('A database does not answer at the moment.', error)
  return undefined
}

function isDatabaseDown(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return UNAVAILABLE.test(error.code ?? '') || isRetryable(error)
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true
  if (error instanceof MongoError) return MONGO_UNAVAILABLE.has(error.code ?? error.name)
  if (!(error instanceof Error)) return false
  return LOST.test(error.message) || SOCKET.has((error as NodeJS.ErrnoException).code ?? '')
}
