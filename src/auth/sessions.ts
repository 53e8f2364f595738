import type { Context, Deps, TransactionContext } from '../deps'
import { notFound } from '../errors'
import { cursorAfter, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import type { UserRow } from './queries'
import { presentUser, type Tokens } from './schemas'
import { endSessionRows, insertSession, listSessions } from './session-queries'
import { signAccessToken, signRefreshToken } from './tokens'

const secondsLater = (date: Date, seconds: number) => new Date(date.getTime() + seconds * 1000)

/** When a session that is used now runs out unless it is refreshed. */
export const idleExpiry = ({ tokens }: Deps['config'], now: Date) => secondsLater(now, tokens.refreshSeconds)

/** Signs `user` in: a new session and its first tokens. */
export async function startSession(
  ctx: Pick<TransactionContext<null>, 'db' | 'config' | 'now' | 'ip' | 'userAgent'>,
  user: UserRow,
): Promise<Tokens> {
  const { db, config, now, ip, userAgent } = ctx
  const id = crypto.randomUUID()
  await insertSession(db, {
    id,
    userId: user.id,
    rotatedAt: now,
    createdAt: now,
    lastUsedAt: now,
    expiresAt: secondsLater(now, config.tokens.sessionSeconds),
    idleExpiresAt: idleExpiry(config, now),
    ip,
    userAgent,
  })
  return issueTokens(ctx, user, { id, generation: 0, rotatedAt: now })
}

/** The tokens of a session as it stands; `rotatedAt` is when its generation began. */
export async function issueTokens(
  { config, now }: Pick<Context<null>, 'config' | 'now'>,
  user: UserRow,
  { id, generation, rotatedAt }: { id: string; generation: number; rotatedAt: Date },
): Promise<Tokens> {
  const shown = presentUser(user)
  const { id: userId, role, patientId, doctorId } = shown
  const [accessToken, refreshToken] = await Promise.all([
    signAccessToken(config, { userId, sessionId: id, role, patientId, doctorId }, now),
    signRefreshToken(config, id, generation, rotatedAt),
  ])
  return { accessToken, refreshToken, tokenType: 'Bearer', expiresIn: config.tokens.accessSeconds, user: shown }
}

/**
 * Ends a user's sessions: one, all but one, or all. Their access tokens stop counting at once in this process and within a
 * second elsewhere. Whoever changes what a user may do calls this. Gives the ids of those that ended.
 */
export async function endSessions(
  ctx: Pick<TransactionContext<null>, 'db' | 'now' | 'revocations'>,
  which: { userId: string; only?: string; except?: string },
): Promise<string[]> {
  const ids = await endSessionRows(ctx.db, which, ctx.now)
  ctx.revocations.doubt(ids)
  return ids
}

/** Throws not_found for a session that is not the caller's or has ended. */
export async function endOwnSession(ctx: TransactionContext, id: string): Promise<void> {
  const [ended] = await endSessions(ctx, { userId: ctx.actor.userId, only: id })
  if (!ended) throw notFound('session')
}

/** The caller's sessions that can still be refreshed. */
export async function findOwnSessions(ctx: Context, { limit, cursor }: { limit: number; cursor?: string }) {
  const after = cursorAfter(cursor, 'createdAt')
  const rows = await listSessions(ctx.db, ctx.actor.userId, ctx.now, limit + 1, after)
  return toPage(
    rows,
    limit,
    (row) => [row.createdAt.toISOString(), row.id],
    ({ id, createdAt, lastUsedAt, ip, userAgent }) => ({
      id,
      createdAt: formatInstant(createdAt),
      lastUsedAt: formatInstant(lastUsedAt),
      ip,
      userAgent,
      current: id === ctx.actor.sessionId,
    }),
  )
}
