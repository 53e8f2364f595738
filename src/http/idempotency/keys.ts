import type { Context } from '../../deps'

/** A key of the caller's for one request: `id` names it, `fingerprint` tells another request under the same key. */
export type IdempotencyKey = { id: Uint8Array; fingerprint: Uint8Array }

const encoder = new TextEncoder()
const sha256 = async (text: string) => new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))

async function hmac(secret: string, text: string): Promise<Uint8Array> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
}

/**
 * Keys belong to a user: two users may send the same one. The fingerprint is keyed with the pepper: a body may hold a
 * password, and a plain digest of it could be guessed at.
 */
export async function idempotencyKey(ctx: Context, key: string, request: string): Promise<IdempotencyKey> {
  const [id, fingerprint] = await Promise.all([
    sha256(`${ctx.actor.userId}\n${key}`),
    hmac(ctx.config.passwords.pepper, request),
  ])
  return { id, fingerprint }
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/**
 * Two statements to travel with BEGIN: claim the key for this transaction, then (a snapshot later) read what is stored
 * under it. Hex digests only, hence no parameters. See `readClaim`.
 */
export function claimStatements({ id }: IdempotencyKey): string[] {
  const lock = BigInt.asIntN(64, BigInt(`0x${hex(id).slice(0, 16)}`))
  return [
    `select pg_try_advisory_xact_lock(${lock}) as claimed`,
    `select fingerprint, document_id, status, body, headers, created_at, patient_ids, target_id from idempotency_keys where id = '\\x${hex(id)}'`,
  ]
}
