import type { Generated } from 'kysely'

export type IdempotencyKeysTable = {
  /** SHA-256 of the caller's user id and the key they sent. */
  id: Uint8Array
  userId: string
  /** HMAC of method, path, query and body: the same key with another request is refused. */
  fingerprint: Uint8Array
  /** Set while a write that spans two databases is under way; such a row has no answer yet. */
  documentId: string | null
  status: number | null
  body: string | null
  headers: Record<string, string> | null
  /** What the audit event named; those of replays name it too. */
  patientIds: Generated<string[]>
  targetId: string | null
  createdAt: Generated<Date>
}

export type IdempotencyTables = { idempotencyKeys: IdempotencyKeysTable }
