import type { Rows } from '../../database/postgres'
import { AppError } from '../../errors'
import type { IdempotencyKey } from './keys'

export type StoredAnswer = { status: number; body: string; headers: Record<string, string> }

/** What a transaction finds when it claims an idempotency key. */
export type Claim =
  | { state: 'new' }
  /** A clinical write was begun under this key and is not settled. */
  | { state: 'unfinished'; documentId: string; startedAt: Date }
  /** `subject`: the patients and the target that the first request's audit event names. */
  | { state: 'answered'; answer: StoredAnswer; subject: { patientIds: string[]; targetId?: string } }

type StoredKey = {
  fingerprint: Uint8Array
  precondition: Uint8Array | null
  document_id: string | null
  status: number | null
  body: string | null
  headers: Record<string, string> | null
  patient_ids: string[]
  target_id: string | null
  created_at: Date
}

/** Reads the rows of `claimStatements`. Throws 409 while a request has the key, 422 if it belongs to another request. */
export function readClaim(key: IdempotencyKey, [claims, keys]: Rows[]): Claim {
  if (!claims?.[0]?.claimed)
    throw new AppError(
      'request_in_progress',
      'A request with this Idempotency-Key is still running. Try again later.',
      {},
      { 'Retry-After': '1' },
    )
  const stored = keys?.[0] as StoredKey | undefined
  if (!stored) return { state: 'new' }
  if (!isSameRequest(stored, key))
    throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used for another request.')
  if (stored.status === null)
    return { state: 'unfinished', documentId: stored.document_id!, startedAt: stored.created_at }
  return {
    state: 'answered',
    answer: { status: stored.status, body: stored.body!, headers: stored.headers! },
    subject: { patientIds: stored.patient_ids, targetId: stored.target_id ?? undefined },
  }
}

/** Keys of an earlier version were stored without If-Match. */
const isSameRequest = ({ fingerprint, precondition }: StoredKey, key: IdempotencyKey) =>
  equal(fingerprint, key.fingerprint) && (precondition === null || equal(precondition, key.precondition))

const equal = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i])
