import { LRUCache } from 'lru-cache'
import { sha256 } from '../../database/sha256'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { type VerifiedToken, verifyAccessToken } from './tokens'

/** Some 5 MB at most: the claims of a token have a fixed size. */
const MAX_VERIFIED = 10_000

/**
 * Returns the function from access token to caller. A token's signature and claims are checked once, since they never
 * change; expiry and the end of its session are checked each time. Keeps hashes, never tokens.
 */
export function createAuthenticate({
  config,
  clock,
  revocations,
  metrics,
}: Pick<Deps, 'config' | 'clock' | 'revocations' | 'metrics'>): Deps['authenticate'] {
  const verified = new LRUCache<string, VerifiedToken>({ max: MAX_VERIFIED })
  metrics.addGauge('verified_tokens', 'Access tokens whose signature need not be checked again.', () => verified.size)

  async function verify(token: string): Promise<VerifiedToken> {
    const key = sha256(token)
    const known = verified.get(key)
    if (known) return known
    const found = await verifyAccessToken(config, token)
    verified.set(key, found)
    return found
  }

  return async (token) => {
    const { caller, expiresAt } = await verify(token)
    if (expiresAt <= clock().getTime()) throw new AppError('token_expired', 'The access token has expired; refresh it.')
    if (await revocations.hasEnded(caller.sessionId))
      throw new AppError('unauthenticated', 'This session has ended; sign in again.')
    return caller
  }
}
