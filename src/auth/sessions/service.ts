import type { Context, Deps, TransactionContext } from '../../deps'
import { notFound } from '../../errors'
import { cursorAfter, toPage } from '../../http/pagination'
import { formatInstant } from '../../http/schemas'
import { networkKey } from '../../ip-address'
import type { UserRow } from '../queries'
import { presentUser, type Tokens } from '../schemas'
import { deleteSessionsBefore, endSessionRows, hasSignedInFrom, insertSession, listSessions } from './queries'
import { signAccessToken, signRefreshToken } from './tokens'

/** How long ended and expired sessions are kept at least. */
const KEPT_DAYS = 30
/** For this long after a sign-in, failures elsewhere do not keep its network from signing in to the account. */
const KNOWN_NETWORK_DAYS = 90

const daysBefore = (date: Date, days: number) => new Date(date.getTime() - days * 86_400_000)
const secondsLater = (date: Date, seconds: number) => new Date(date.getTime() + seconds * 1000)

/** When a session that is refreshed now expires without another refresh. */
export const idleExpiry = ({ tokens }: Deps['config'], now: Date) => secondsLater(now, tokens.refreshSeconds)

/** Signs the user in: creates a session and its first tokens. */
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
    signInNetwork: ip === null ? null : networkKey(ip),
    userAgent,
  })
  return issueTokens(ctx, user, { id, generation: 0, rotatedAt: now })
}

/** Signs the tokens of a session; `rotatedAt` is when its current generation began. */
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
 * Ends a user's sessions: all, `only` one, or all `except` one. Their access tokens become invalid at once in this copy and
 * within a second in others. Call it whenever a user loses rights. Returns the ids of the ended sessions.
 */
export async function endSessions(
  ctx: Pick<TransactionContext<null>, 'db' | 'now' | 'revocations'>,
  which: { userId: string; only?: string; except?: string },
): Promise<string[]> {
  const ids = await endSessionRows(ctx.db, which, ctx.now)
  ctx.revocations.doubt(ids)
  return ids
}

/** True if someone signed in to the account with this address from this network in the last 90 days. */
export const isKnownNetwork = ({ db, clock }: Pick<Deps, 'db' | 'clock'>, email: string, network: string) =>
  hasSignedInFrom(db, { email, network, since: daysBefore(clock(), KNOWN_NETWORK_DAYS) })

/** Deletes at most `limit` sessions that ended 30 days ago and tell of no known network; returns how many. */
export function deleteDeadSessions(db: Context['db'], now: Date, limit: number): Promise<number> {
  const endedBefore = daysBefore(now, KEPT_DAYS)
  return deleteSessionsBefore(db, { endedBefore, begunBefore: daysBefore(now, KNOWN_NETWORK_DAYS) }, limit)
}

/** Throws not_found for another user's session and for an ended one. */
export async function endOwnSession(ctx: TransactionContext, id: string): Promise<void> {
  const [ended] = await endSessions(ctx, { userId: ctx.actor.userId, only: id })
  if (!ended) throw notFound('session')
}

/** The caller's sessions that can still be refreshed. */
export async function listOwnSessions(ctx: Context, { limit, cursor }: { limit: number; cursor?: string }) {
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
