import type { Deps } from '../../deps'
import { ProviderError } from '../../ledger/provider'
import { addDays, localDay } from '../../scheduling/local-time'
import { claimReconciliation, finishReconciliation } from './queries'
import { daysRange, reconcile } from './service'

/** Past days to catch up on, if no copy ran or the provider did not answer. */
const DAYS_BACK = 7
const HOUR = 3_600_000
/** An unfinished comparison this old is assumed to have died with its copy. */
const STALE_MS = HOUR

/**
 * Reconciles each day (UTC) with every provider, an hour after the day's end, and repairs what it can. Returns how many
 * days it finished. Safe on several copies at once: one copy claims each day.
 */
export async function reconcileFinishedDays(deps: Deps): Promise<number> {
  const now = deps.clock()
  const today = localDay(now.getTime() - HOUR, 'UTC')
  let done = 0
  for (const provider of deps.paymentProviders.online)
    for (let back = DAYS_BACK; back > 0; back--) {
      const claim = { provider: provider.name, day: addDays(today, -back) }
      const staleBefore = new Date(now.getTime() - STALE_MS)
      if (!(await claimReconciliation(deps.db, { ...claim, now, staleBefore }))) continue
      if (await reconcileDay(deps, claim)) done++
    }
  return done
}

async function reconcileDay(deps: Deps, claim: { provider: string; day: string }): Promise<boolean> {
  const provider = deps.paymentProviders.named(claim.provider)
  if (!provider) return false
  try {
    const { compared, found, remaining } = await reconcile(deps, provider, { ...daysRange(claim.day), fix: true })
    const repaired = Math.max(0, found.length - remaining.length)
    await finishReconciliation(deps.db, {
      ...claim,
      finishedAt: deps.clock(),
      compared,
      repaired,
      remaining: remaining.length,
    })
    if (repaired > 0) deps.log.warn({ ...claim, repaired }, 'repaired payments that differed from their provider')
    if (remaining.length > 0)
      deps.log.error(
        { ...claim, remaining: remaining.length },
        'payments differ from their provider: run payments:reconcile',
      )
    return true
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    deps.log.warn({ ...claim, error }, 'payments could not be compared with their provider; the next run tries again')
    return false
  }
}
