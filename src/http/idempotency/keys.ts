import type { Context } from '../../deps'

/** A caller's key for one request: `id` identifies the key, `fingerprint` and `precondition` the request. */
export type IdempotencyKey = { id: Uint8Array; fingerprint: Uint8Array; precondition: Uint8Array }

const encoder = new TextEncoder()
const sha256 = async (text: string) => new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))

async function hmac(secret: string, text: string): Promise<Uint8Array> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
}

/**
 * Keys belong to a user: two users may send the same one. The fingerprint is an HMAC with the pepper: a body may
 * contain a password, which could be guessed from a plain digest.
 */
export async function idempotencyKey(
  ctx: Context,
  key: string,
  { fingerprint: request, ifMatch }: { fingerprint: string; ifMatch: string },
): Promise<IdempotencyKey> {
  const [id, fingerprint, precondition] = await Promise.all([
    sha256(`${ctx.actor.userId}\n${key}`),
    hmac(ctx.config.passwords.pepper, request),
    sha256(ifMatch),
  ])
  return { id, fingerprint, precondition }
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/**
 * Two statements to send with BEGIN: the first claims the key for this transaction, the second reads what is stored
 * under it, in a later snapshot. They contain only digests in hexadecimal, so they need no parameters. See `readClaim`.
 */
export function claimStatements({ id }: IdempotencyKey): string[] {
  const lock = BigInt.asIntN(64, BigInt(`0x${hex(id).slice(0, 16)}`))
  return [
    `select pg_try_advisory_xact_lock(${lock}) as claimed`,
    `select fingerprint, precondition, document_id, status, body, headers, created_at, patient_ids, target_id from idempotency_keys where id = '\\x${hex(id)}'`,
  ]
}
