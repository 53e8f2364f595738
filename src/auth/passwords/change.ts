import type { Context, TransactionContext } from '../../deps'
import { AppError, invalid } from '../../errors'
import { noContent, refuse } from '../../http/answer'
import { findUserWithPassword, updatePassword } from '../queries'
import type { ChangePassword } from '../schemas'
import { endSessions } from '../sessions/service'
import { hashPassword, verifyPassword } from './hashing'
import { containsEmailName, EMAIL_NAME_REFUSED } from './policy'

type PasswordChange = { checkedHash: string; hashed: Awaited<ReturnType<typeof hashPassword>> } | undefined

/** Undefined when the current password is wrong. Throws 422 for a new password with the name of the email address. */
export async function checkPasswordChange(
  ctx: Context,
  { currentPassword, newPassword }: ChangePassword,
): Promise<PasswordChange> {
  const user = await findUserWithPassword(ctx.db, ctx.actor.userId)
  if (user && containsEmailName(newPassword, user.email)) throw invalid('newPassword', EMAIL_NAME_REFUSED)
  const right = await verifyPassword(ctx, currentPassword, user)
  return user && right ? { checkedHash: user.passwordHash, hashed: await hashPassword(ctx, newPassword) } : undefined
}

/** Ends the caller's other sessions. Refuses and audits a wrong or outdated current password. */
export async function changePassword(ctx: TransactionContext, checked: PasswordChange) {
  const { userId, sessionId } = ctx.actor
  const changed = checked && (await updatePassword(ctx.db, userId, checked.checkedHash, checked.hashed))
  if (!changed)
    return refuse(new AppError('invalid_credentials', 'The current password is wrong.'), { targetId: userId })
  await endSessions(ctx, { userId, except: sessionId })
  return noContent({ targetId: userId })
}
