import { offerAppointment } from '../appointments/book'
import type { TimeFreed } from '../appointments/jobs'
import { getClinic } from '../clinics/service'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { AppError, type ErrorCode } from '../errors'
import { localDay } from '../scheduling/local-time'
import { systemRequest } from '../system-context'
import { findNextInLine, settleOffer, updateWaitlistStatus } from './queries'
import { makerOf } from './service'

/**
 * The job: settles the offer that had the time, if any, and offers the time to the next in line. Safe to run again and on
 * several copies at once: the booking's locks and the entry's status allow one offer only.
 */
export async function offerFreedTime(deps: Deps, freed: TimeFreed): Promise<void> {
  await settleOffer(deps.db, freed)
  const { timeZone } = await getClinic(deps, freed.clinicId)
  const day = localDay(Date.parse(freed.startsAt), timeZone)
  const passed: string[] = []
  for (;;) {
    const now = deps.clock()
    if (new Date(freed.startsAt) <= now) return
    const next = await findNextInLine(deps.db, { ...freed, day }, passed)
    if (!next || (await offerTo(deps, freed, next, now)) !== 'next') return
    passed.push(next.id)
  }
}

type NextInLine = NonNullable<Awaited<ReturnType<typeof findNextInLine>>>

/** Errors about this patient or entry only: another patient may still get the time. */
const ENTRY_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['patient_busy', 'not_found', 'invalid_state'])

/**
 * Holds the time in the name of the user who made the entry. `next`: not possible for this entry; `over`: for no entry.
 */
async function offerTo(deps: Deps, freed: TimeFreed, entry: NextInLine, now: Date): Promise<'made' | 'next' | 'over'> {
  const actor = makerOf(entry)
  const wanted = {
    doctorId: freed.doctorId,
    clinicId: freed.clinicId,
    patientId: entry.patientId,
    startsAt: new Date(freed.startsAt),
    ...(entry.visitTypeId !== null && { visitTypeId: entry.visitTypeId }),
  }
  try {
    return await inTransaction({ ...deps, actor, now }, async (ctx): Promise<'made'> => {
      const { id: offerId } = await offerAppointment(ctx, wanted, deps.config.waitlistOfferMinutes)
      const offered = await updateWaitlistStatus(ctx.db, entry.id, { from: 'waiting', to: 'offered', offerId })
      if (!offered) throw new AppError('invalid_state', 'The entry is not waiting any more.')
      const request = systemRequest('waitlist', now)
      const facts = { targetId: entry.id, patientIds: [entry.patientId], detail: { appointmentId: offerId } }
      await appendAuditEvent(ctx.db, auditEvent(request, { kind: 'waitlist.offer', action: 'U' }, facts))
      return 'made'
    })
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable') throw error
    return ENTRY_ERRORS.has(error.code) ? 'next' : 'over'
  }
}
