import { holdAppointment } from '../appointments/book'
import type { TimeFreed } from '../appointments/jobs'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { AppError, type ErrorCode } from '../errors'
import { systemRequest } from '../system-context'
import { changeStatus, findNextInLine, settleOffer } from './queries'
import { makerOf } from './service'

/**
 * The job: settles the offer that had the time, if one had, and offers the time to the next in line. Any number of copies
 * may do it at once or again: the booking's own locks and the entry's status let one offer be made.
 */
export async function offerFreedTime(deps: Deps, freed: TimeFreed): Promise<void> {
  await settleOffer(deps.db, freed)
  const passed: string[] = []
  for (;;) {
    const now = deps.clock()
    if (new Date(freed.startsAt) <= now) return
    const next = await findNextInLine(deps.db, freed, passed)
    if (!next || (await offerTo(deps, freed, next, now)) !== 'next') return
    passed.push(next.id)
  }
}

type NextInLine = NonNullable<Awaited<ReturnType<typeof findNextInLine>>>

/** Of this patient's or their entry's making: somebody else may still take the time. */
const THEIRS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['patient_busy', 'not_found', 'invalid_state'])

/** Holds the time in the name of whoever put the patient on the list. `next`: not for them; `over`: not for anybody. */
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
      const { id: offerId } = await holdAppointment(ctx, wanted, { minutes: deps.config.waitlistOfferMinutes })
      const offered = await changeStatus(ctx.db, entry.id, { from: 'waiting', to: 'offered', offerId })
      if (!offered) throw new AppError('invalid_state', 'The entry does not wait any more.')
      const request = systemRequest('waitlist', now)
      const facts = { targetId: entry.id, patientIds: [entry.patientId], detail: { appointmentId: offerId } }
      await appendAuditEvent(ctx.db, auditEvent(request, { kind: 'waitlist.offer', action: 'U' }, facts))
      return 'made'
    })
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'unavailable') throw error
    return THEIRS.has(error.code) ? 'next' : 'over'
  }
}
