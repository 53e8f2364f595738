import { hash, parseOptions, verify } from '@node-rs/bcrypt'
import type { Deps } from '../../deps'
import { networkKey } from '../../ip-address'

/** `ip` is the caller's address, by which requests take turns. */
type Ctx = Pick<Deps, 'config' | 'passwordLimiter'> & { ip?: string | null }

/** Two columns of `users`; `pepperVersion` says which pepper the hash was made with, so that the pepper can be changed. */
export type HashedPassword = { passwordHash: string; pepperVersion: number }

const encoder = new TextEncoder()
const base64 = (bytes: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(bytes)))

/** HMAC of `message` under `pepper`, in base64. */
async function digest(pepper: string, algorithm: 'SHA-256' | 'SHA-384', message: string): Promise<string> {
  const secret = encoder.encode(pepper)
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: algorithm }, false, ['sign'])
  return base64(await crypto.subtle.sign('HMAC', key, encoder.encode(message)))
}

/** Always 64 characters: bcrypt reads at most 72 bytes and stops at a NUL. */
const applyPepper = (pepper: string, password: string) => digest(pepper, 'SHA-384', password.normalize('NFKC'))

const limited = <T>({ passwordLimiter, ip }: Ctx, task: () => Promise<T>) => passwordLimiter(networkKey(ip), task)

/** Waits for its turn in the password limiter; throws 503 when too many wait. */
export async function hashPassword(ctx: Ctx, password: string): Promise<HashedPassword> {
  const { pepper, pepperVersion, cost } = ctx.config.passwords
  const peppered = await applyPepper(pepper, password)
  return { passwordHash: await limited(ctx, () => hash(peppered, { cost })), pepperVersion }
}

/** Without a stored hash it checks a dummy hash, so that timing does not reveal whether an account exists. */
export async function verifyPassword(ctx: Ctx, password: string, stored: HashedPassword | undefined): Promise<boolean> {
  const pepper = stored && costOf(stored.passwordHash) !== undefined && pepperOf(ctx, stored)
  const peppered = await applyPepper(pepper || ctx.config.passwords.pepper, password)
  const compared = pepper ? stored.passwordHash : dummyHash(ctx)
  return limited(ctx, async () => (await verify(peppered, compared)) && Boolean(pepper))
}

/** True when the hash has a lower cost than new hashes or was made with the previous pepper. */
export const isOutdated = ({ config: { passwords } }: Ctx, { passwordHash, pepperVersion }: HashedPassword) =>
  (costOf(passwordHash) ?? 0) < passwords.cost || pepperVersion !== passwords.pepperVersion

function pepperOf({ config: { passwords } }: Ctx, { pepperVersion }: HashedPassword): string | undefined {
  if (pepperVersion === passwords.pepperVersion) return passwords.pepper
  return pepperVersion === passwords.pepperVersion - 1 ? passwords.previousPepper : undefined
}

/** Replaces the address in logs and the audit trail, which must not contain it. */
export const emailDigest = ({ config: { passwords } }: Ctx, email: string) =>
  digest(passwords.pepper, 'SHA-256', `email:${email.toLowerCase()}`)

/** Well-formed, with the current cost, and of no known password. */
const dummyHash = ({ config }: Ctx) =>
  `$2b$${String(config.passwords.cost).padStart(2, '0')}$C6UzMDM.H6dfI/f/IKcEeO7ZzgVmkqzqVJvXbUNB7sY1nYvSP0oRu`

function costOf(storedHash: string): number | undefined {
  try {
    return parseOptions(storedHash).cost
  } catch {
    return undefined
  }
}
