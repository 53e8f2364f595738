import { hash, parseOptions, verify } from '@node-rs/bcrypt'
import type { Deps } from '../deps'

type Ctx = Pick<Deps, 'config' | 'passwordLane'>

/** Goes up when `PASSWORD_PEPPER` is changed; kept with each hash, so that those of an earlier pepper can be told apart. */
const PEPPER_VERSION = 1

/** The two columns of `users`. */
export type HashedPassword = { passwordHash: string; pepperVersion: number }

const encoder = new TextEncoder()
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)))

/** HMAC of `message` under the pepper, in base64. */
async function pepperedDigest({ config }: Ctx, algorithm: 'SHA-256' | 'SHA-384', message: string): Promise<string> {
  const secret = encoder.encode(config.passwords.pepper)
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: algorithm }, false, ['sign'])
  return base64(await crypto.subtle.sign('HMAC', key, encoder.encode(message)))
}

/** 64 characters whatever was typed: bcrypt reads no more than 72 bytes and would stop at a NUL. */
const pepper = (ctx: Ctx, password: string) => pepperedDigest(ctx, 'SHA-384', password.normalize('NFKC'))

const inLane = <T>({ passwordLane }: Ctx, task: () => Promise<T>) => passwordLane('bcrypt', task)

/** Takes its turn in the password lane: 503 when too many wait. */
export async function hashPassword(ctx: Ctx, password: string): Promise<HashedPassword> {
  const prepared = await pepper(ctx, password)
  const passwordHash = await inLane(ctx, () => hash(prepared, { cost: ctx.config.passwords.cost }))
  return { passwordHash, pepperVersion: PEPPER_VERSION }
}

/** Without a hash to compare with, the same work is done in vain, so that time does not tell whether an account exists. */
export async function verifyPassword(ctx: Ctx, password: string, storedHash: string | undefined): Promise<boolean> {
  const prepared = await pepper(ctx, password)
  const usable = storedHash !== undefined && costOf(storedHash) !== undefined
  return inLane(ctx, async () => (await verify(prepared, usable ? storedHash : vainHash(ctx))) && usable)
}

/** True when the hash was made at a lower cost than new ones are. */
export const isOutdated = ({ config }: Ctx, storedHash: string) => (costOf(storedHash) ?? 0) < config.passwords.cost

/** Stands for an address in logs and the audit trail, where the address itself must not be. */
export const emailDigest = (ctx: Ctx, email: string) => pepperedDigest(ctx, 'SHA-256', `email:${email.toLowerCase()}`)

/** Well-formed and of today's cost; nobody knows a password for it. */
const vainHash = ({ config }: Ctx) =>
  `$2b$${String(config.passwords.cost).padStart(2, '0')}$C6UzMDM.H6dfI/f/IKcEeO7ZzgVmkqzqVJvXbUNB7sY1nYvSP0oRu`

function costOf(storedHash: string): number | undefined {
  try {
    return parseOptions(storedHash).cost
  } catch {
    return undefined
  }
}
