import { hash, parseOptions, verify } from '@node-rs/bcrypt'
import type { Deps } from '../deps'

type Ctx = Pick<Deps, 'config' | 'passwordLimiter'>

/** The two columns of `users`: a hash says which pepper made it, so that the pepper can be changed. */
export type HashedPassword = { passwordHash: string; pepperVersion: number }

const encoder = new TextEncoder()
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)))

/** HMAC of `message` under `pepper`, in base64. */
async function digest(pepper: string, algorithm: 'SHA-256' | 'SHA-384', message: string): Promise<string> {
  const secret = encoder.encode(pepper)
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: algorithm }, false, ['sign'])
  return base64(await crypto.subtle.sign('HMAC', key, encoder.encode(message)))
}

/** 64 characters whatever was typed: bcrypt reads no more than 72 bytes and would stop at a NUL. */
const season = (pepper: string, password: string) => digest(pepper, 'SHA-384', password.normalize('NFKC'))

const inLane = <T>({ passwordLimiter }: Ctx, task: () => Promise<T>) => passwordLimiter('bcrypt', task)

/** Takes its turn in the password lane: 503 when too many wait. */
export async function hashPassword(ctx: Ctx, password: string): Promise<HashedPassword> {
  const { pepper, pepperVersion, cost } = ctx.config.passwords
  const seasoned = await season(pepper, password)
  return { passwordHash: await inLane(ctx, () => hash(seasoned, { cost })), pepperVersion }
}

/** Without a hash to compare with, the same work is done in vain, so that time does not tell whether an account exists. */
export async function verifyPassword(ctx: Ctx, password: string, stored: HashedPassword | undefined): Promise<boolean> {
  const pepper = stored && costOf(stored.passwordHash) !== undefined && pepperOf(ctx, stored)
  const seasoned = await season(pepper || ctx.config.passwords.pepper, password)
  const compared = pepper ? stored.passwordHash : vainHash(ctx)
  return inLane(ctx, async () => (await verify(seasoned, compared)) && Boolean(pepper))
}

/** True when the hash was made at a lower cost than new ones are, or under the pepper before. */
export const isOutdated = ({ config: { passwords } }: Ctx, { passwordHash, pepperVersion }: HashedPassword) =>
  (costOf(passwordHash) ?? 0) < passwords.cost || pepperVersion !== passwords.pepperVersion

function pepperOf({ config: { passwords } }: Ctx, { pepperVersion }: HashedPassword): string | undefined {
  if (pepperVersion === passwords.pepperVersion) return passwords.pepper
  return pepperVersion === passwords.pepperVersion - 1 ? passwords.previousPepper : undefined
}

/** Stands for an address in logs and the audit trail, where the address itself must not be. */
export const emailDigest = ({ config: { passwords } }: Ctx, email: string) =>
  digest(passwords.pepper, 'SHA-256', `email:${email.toLowerCase()}`)

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
