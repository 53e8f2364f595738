import type { Rows } from '../../database/postgres'
import { AppError } from '../../errors'
import type { IdempotencyKey } from './keys'

export type StoredAnswer = { status: number; body: string; headers: Record<string, string> }

/** Whose data the request was about, and which thing. */
export type StoredFacts = { patientIds: string[]; targetId?: string }

export type Claim =
  | { state: 'new' }
  /** A write over two databases that was begun under this key and not finished. */
  | { state: 'unfinished'; documentId: string; startedAt: Date }
  | { state: 'answered'; answer: StoredAnswer; facts: StoredFacts }

type StoredKey = {
  fingerprint: Uint8Array
  document_id: string | null
  status: number | null
  body: string | null
  headers: Record<string, string> | null
  patient_ids: string[]
  target_id: string | null
  created_at: Date
}

/** Reads what the claim statements gave. Throws 409 while the same key is at work, 422 when it came with another request. */
export function readClaim(key: IdempotencyKey, [claims, keys]: Rows[]): Claim {
  if (!claims?.[0]?.claimed)
    throw new AppError(
      'request_in_progress',
      'A request with this Idempotency-Key is being worked on.',
      {},
      { 'Retry-After': '1' },
    )
  const stored = keys?.[0] as StoredKey | undefined
  if (!stored) return { state: 'new' }
  if (!equal(stored.fingerprint, key.fingerprint))
    throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used for another request.')
  if (stored.status === null)
    return { state: 'unfinished', documentId: stored.document_id!, startedAt: stored.created_at }
  return {
    state: 'answered',
    answer: { status: stored.status, body: stored.body!, headers: stored.headers! },
    facts: { patientIds: stored.patient_ids, targetId: stored.target_id ?? undefined },
  }
}

const equal = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i])
