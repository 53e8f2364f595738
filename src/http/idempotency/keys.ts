import type { Context } from '../../deps'

/** A key of the caller's for one request: `id` names it, `fingerprint` tells another request under the same key. */
export type IdempotencyKey = { id: Uint8Array; fingerprint: Uint8Array }

const encoder = new TextEncoder()
const sha256 = async (text: string) => new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))

/** Keys belong to a user: two users may send the same one. */
export async function idempotencyKey(ctx: Context, key: string, request: string): Promise<IdempotencyKey> {
  const [id, fingerprint] = await Promise.all([sha256(`${ctx.actor.userId}\n${key}`), sha256(request)])
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
    `select fingerprint, document_id, status, body, headers, created_at from idempotency_keys where id = '\\x${hex(id)}'`,
  ]
}
