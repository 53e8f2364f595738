import type { Generated } from 'kysely'

export type IdempotencyKeysTable = {
  /** SHA-256 of the caller's user id and the key they sent. */
  id: Uint8Array
  userId: string
  /** HMAC of method, path, query and body: the same key with another request is refused. */
  fingerprint: Uint8Array
  /** SHA-256 of the If-Match header, of the empty text without one. Null in keys of earlier versions, which ignored it. */
  precondition: Uint8Array | null
  /** The fixed id of a clinical write, which has no answer before it is settled. Null for other mutations. */
  documentId: string | null
  status: number | null
  body: string | null
  headers: Record<string, string> | null
  /** Patients and target of the first request's audit event; the events of replays name them too. */
  patientIds: Generated<string[]>
  targetId: string | null
  createdAt: Generated<Date>
}

export type IdempotencyTables = { idempotencyKeys: IdempotencyKeysTable }
