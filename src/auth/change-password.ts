import type { Context, TransactionContext } from '../deps'
import { AppError, invalid } from '../errors'
import { noContent, refuse } from '../http/answer'
import { containsEmailName, EMAIL_NAME_REFUSED } from './password-policy'
import { hashPassword, verifyPassword } from './passwords'
import { findUserWithPassword, updatePassword } from './queries'
import type { ChangePassword } from './schemas'
import { endSessions } from './sessions'

type Checked = { checkedHash: string; hashed: Awaited<ReturnType<typeof hashPassword>> } | undefined

/** Undefined when the current password is wrong. Throws 422 when the new one holds the name of the email address. */
export async function checkPasswordChange(
  ctx: Context,
  { currentPassword, newPassword }: ChangePassword,
): Promise<Checked> {
  const user = await findUserWithPassword(ctx.db, ctx.actor.userId)
  if (user && containsEmailName(newPassword, user.email)) throw invalid('newPassword', EMAIL_NAME_REFUSED)
  const right = await verifyPassword(ctx, currentPassword, user)
  return user && right ? { checkedHash: user.passwordHash, hashed: await hashPassword(ctx, newPassword) } : undefined
}

/** Ends the caller's other sessions. A wrong current password, or one that is no longer current, is on record. */
export async function changePassword(ctx: TransactionContext, checked: Checked) {
  const { userId, sessionId } = ctx.actor
  const changed = checked && (await updatePassword(ctx.db, userId, checked.checkedHash, checked.hashed))
  if (!changed)
    return refuse(new AppError('invalid_credentials', 'The current password is wrong.'), { targetId: userId })
  await endSessions(ctx, { userId, except: sessionId })
  return noContent({ targetId: userId })
}
