import { parseOptions } from '@node-rs/bcrypt'
import type { Deps } from '../../deps'
import { networkKey } from '../../ip-address'
import { applyPepper, pepperOf } from './pepper'

/** `ip` is the caller's address, by which requests take turns. */
type Ctx = Pick<Deps, 'config' | 'passwordLimiter' | 'bcrypt'> & { ip?: string | null }

/** Two columns of `users`; `pepperVersion` says which pepper the hash was made with, so that the pepper can be changed. */
export type HashedPassword = { passwordHash: string; pepperVersion: number }

const limited = <T>({ passwordLimiter, ip }: Ctx, task: () => Promise<T>) => passwordLimiter(networkKey(ip), task)

/** Waits for its turn in the password limiter; throws 503 when too many wait. */
export async function hashPassword(ctx: Ctx, password: string): Promise<HashedPassword> {
  return limited(ctx, () => newHash(ctx, password))
}

async function newHash({ config, bcrypt }: Ctx, password: string): Promise<HashedPassword> {
  const { pepper, pepperVersion, cost } = config.passwords
  return { passwordHash: await bcrypt.hash(await applyPepper(pepper, password), { cost }), pepperVersion }
}

/** True if it is the stored password. */
export async function verifyPassword(ctx: Ctx, password: string, stored: HashedPassword | undefined): Promise<boolean> {
  return (await checkPassword(ctx, password, stored)).right
}

/**
 * Checks a password in one turn, and hashes it again if it is right and its hash is outdated. A wrong one costs the work of
 * one hash of the configured cost, or of `highestCost` if that is higher, whatever is stored: so the duration does not
 * reveal whether an account exists.
 */
export async function checkPassword(
  ctx: Ctx,
  password: string,
  stored: HashedPassword | undefined,
  highestCost = 0,
): Promise<{ right: boolean; renewed?: HashedPassword }> {
  const { cost, pepper: current } = ctx.config.passwords
  const storedCost = stored && costOf(stored.passwordHash)
  const pepper = stored && storedCost !== undefined && pepperOf(ctx, stored.pepperVersion)
  const peppered = await applyPepper(pepper || current, password)
  return limited(ctx, async () => {
    const right = pepper ? await ctx.bcrypt.verify(peppered, stored.passwordHash) : false
    if (right && isOutdated(ctx, stored!)) return { right, renewed: await newHash(ctx, password) }
    for (const dummyCost of right ? [] : missingCosts(pepper ? storedCost : undefined, Math.max(cost, highestCost)))
      await ctx.bcrypt.verify(peppered, dummyHash(dummyCost))
    return { right }
  })
}

/** bcrypt of cost c does 2^c rounds: with the work that is done, these costs add up to that of `target`. */
export function missingCosts(done: number | undefined, target: number): number[] {
  if (done === undefined) return [target]
  return Array.from({ length: Math.max(0, target - done) }, (_, i) => done + i)
}

/** True when the hash has another cost than new hashes or was made with the previous pepper. */
export const isOutdated = ({ config: { passwords } }: Ctx, { passwordHash, pepperVersion }: HashedPassword) =>
  costOf(passwordHash) !== passwords.cost || pepperVersion !== passwords.pepperVersion

/** Well-formed, and of no known password. */
const dummyHash = (cost: number) =>
  `$2b$${String(cost).padStart(2, '0')}$C6UzMDM.H6dfI/f/IKcEeO7ZzgVmkqzqVJvXbUNB7sY1nYvSP0oRu`

function costOf(storedHash: string): number | undefined {
  try {
    return parseOptions(storedHash).cost
  } catch {
    return undefined
  }
}
