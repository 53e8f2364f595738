import type { Caller } from '../../actor'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { verifyAccessToken } from './tokens'

/** Throws `token_expired`, or `unauthenticated` for an invalid token and for an ended session. */
export async function authenticateToken(
  { config, clock, revocations }: Pick<Deps, 'config' | 'clock' | 'revocations'>,
  token: string,
): Promise<Caller> {
  const actor = await verifyAccessToken(config, token, clock())
  if (await revocations.hasEnded(actor.sessionId))
    throw new AppError('unauthenticated', 'This session has ended; sign in again.')
  return actor
}
