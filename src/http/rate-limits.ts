import type { Context as HonoContext } from 'hono'
import type { Actor, Context, Deps } from '../deps'

/** Placeholder signature: stricter limits of single operations, by account and by address. */
export async function limitOperation(
  _deps: Deps,
  _c: HonoContext,
  _limit: 'sign_in' | 'register' | 'refresh' | undefined,
  _ctx: Context<Actor | null>,
): Promise<void> {}
