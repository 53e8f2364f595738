import type { Context, TransactionContext } from '../deps'
import { AppError } from '../errors'
import { answer, refuse } from '../http/answer'
import { checkPassword } from './passwords/hashing'
import { emailDigest } from './passwords/pepper'
import { findHighestCost, findUserByEmail, lockUserForSignIn, type UserWithPassword, updatePassword } from './queries'
import type { SignIn } from './schemas'
import { startSession } from './sessions/service'

/**
 * The user with this address and password, of any status. Does the same work when there is no such account. Replaces an
 * outdated hash; if the hash changes meanwhile, it starts again.
 */
export async function findByCredentials(
  ctx: Context<null>,
  { email, password }: SignIn,
): Promise<UserWithPassword | undefined> {
  const [user, highestCost] = await Promise.all([findUserByEmail(ctx.db, email), findHighestCost(ctx.db)])
  const { right, renewed } = await checkPassword(ctx, password, user, highestCost)
  if (!user || !right) return undefined
  if (!renewed) return user
  const replaced = await updatePassword(ctx.db, user.id, user.passwordHash, renewed)
  return replaced ? { ...user, ...renewed } : findByCredentials(ctx, { email, password })
}

/**
 * The same answer for every cause of failure. Also refuses when the user was disabled or the password changed after the
 * check: both end all sessions, and this new session would escape that.
 */
export async function signIn(ctx: TransactionContext<null>, { email }: SignIn, user: UserWithPassword | undefined) {
  const unchanged = user && (await lockUserForSignIn(ctx.db, user.id, user.passwordHash))
  if (!unchanged)
    return refuse(new AppError('invalid_credentials', 'The email address or the password is wrong.'), {
      detail: { emailDigest: await emailDigest(ctx, email) },
    })
  const tokens = await startSession(ctx, user)
  return answer(tokens, { audit: { actor: { userId: user.id, role: user.role }, targetId: user.id } })
}
