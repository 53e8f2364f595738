import type { TransactionContext } from '../../deps'
import { AppError } from '../../errors'
import { answer, refuse } from '../../http/answer'
import { getUser } from '../users/service'
import { findLiveSession, rotateSession } from './queries'
import { endSessions, idleExpiry, issueTokens } from './service'

type RefreshClaims = { sessionId: string; generation: number }

const invalidToken = () => new AppError('invalid_refresh_token', 'The refresh token is not valid; sign in again.')

/**
 * Rotates a session's refresh token; of several requests at once, one rotates. `claims` is undefined for an invalid token.
 * The token just before the current one gets the current tokens again for a short time, so that a lost answer or a second
 * browser tab does not sign the user out. An older token was stolen or replayed: the session ends.
 */
export async function refresh(ctx: TransactionContext<null>, claims: RefreshClaims | undefined) {
  if (!claims) throw invalidToken()
  const { db, config, now, ip, userAgent } = ctx
  const { sessionId, generation } = claims
  const use = { idleExpiresAt: idleExpiry(config, now), ip, userAgent }
  const rotated = await rotateSession(db, { sessionId, generation, now, ...use })
  if (rotated) return answerTokens(ctx, rotated.userId, { id: sessionId, generation: generation + 1, rotatedAt: now })

  const session = await findLiveSession(db, sessionId, now)
  // A generation above the stored one is no reuse: the database was restored from a backup.
  if (!session || session.generation <= generation) throw invalidToken()
  const age = now.getTime() - session.rotatedAt.getTime()
  if (session.generation === generation + 1 && age <= config.tokens.reuseGraceSeconds * 1000)
    return answerTokens(ctx, session.userId, { id: sessionId, ...session })

  const { role } = await getUser(ctx, session.userId)
  await endSessions(ctx, { userId: session.userId, only: sessionId })
  return refuse(invalidToken(), {
    actor: { userId: session.userId, role },
    targetId: sessionId,
    detail: { reuse: true, generation, current: session.generation },
  })
}

/** Reads role and ids again instead of copying them from the old token. */
async function answerTokens(
  ctx: TransactionContext<null>,
  userId: string,
  session: { id: string; generation: number; rotatedAt: Date },
) {
  const user = await getUser(ctx, userId)
  const tokens = await issueTokens(ctx, user, session)
  return answer(tokens, { audit: { actor: { userId, role: user.role }, targetId: session.id } })
}
