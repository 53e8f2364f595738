import type { TransactionContext } from '../deps'
import { AppError } from '../errors'
import { answer, refuse } from '../http/answer'
import { findLiveSession, rotateSession } from './session-queries'
import { endSessions, idleExpiry, issueTokens } from './sessions'
import { getUser } from './users'

type Claims = { sessionId: string; generation: number }

const refused = () => new AppError('invalid_refresh_token', 'The refresh token is not valid; sign in again.')

/**
 * Rotates a session's refresh token; of many at once, one rotates. `claims` are those of a token that we signed, undefined
 * for any other. The token before the current one, within the grace, is answered with the current one again: a lost answer
 * or two tabs sign nobody out. An older one has been stolen or replayed: the session ends.
 */
export async function refresh(ctx: TransactionContext<null>, claims: Claims | undefined) {
  if (!claims) throw refused()
  const { db, config, now, ip, userAgent } = ctx
  const { sessionId, generation } = claims
  const use = { idleExpiresAt: idleExpiry(config, now), ip, userAgent }
  const rotated = await rotateSession(db, { sessionId, generation, now, ...use })
  if (rotated) return answerTokens(ctx, rotated.userId, { id: sessionId, generation: generation + 1, rotatedAt: now })

  const session = await findLiveSession(db, sessionId, now)
  // A generation that lies ahead is no reuse: the database was restored from a backup.
  if (!session || session.generation <= generation) throw refused()
  const age = now.getTime() - session.rotatedAt.getTime()
  if (session.generation === generation + 1 && age <= config.tokens.reuseGraceSeconds * 1000)
    return answerTokens(ctx, session.userId, { id: sessionId, ...session })

  const { role } = await getUser(ctx, session.userId)
  await endSessions(ctx, { userId: session.userId, only: sessionId })
  return refuse(refused(), {
    actor: { userId: session.userId, role },
    targetId: sessionId,
    detail: { reuse: true, generation, current: session.generation },
  })
}

/** Role and ids are those of this moment, not those of the token before. */
async function answerTokens(
  ctx: TransactionContext<null>,
  userId: string,
  session: { id: string; generation: number; rotatedAt: Date },
) {
  const user = await getUser(ctx, userId)
  const tokens = await issueTokens(ctx, user, session)
  return answer(tokens, { audit: { actor: { userId, role: user.role }, targetId: session.id } })
}
