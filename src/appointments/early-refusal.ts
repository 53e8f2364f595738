import type { Context, Deps } from '../deps'
import { openDoctor } from '../scheduling/facts'
import { findPatientBusy } from '../scheduling/patient-busy'
import { searchAround } from '../scheduling/query-fragments'
import { choosePlace } from './place'
import type { BookAppointment } from './schemas'
import { StartRefused } from './start-refused'

const startOf = ({ doctorId, startsAt }: BookAppointment) => `${doctorId} ${startsAt.getTime()}`

/** Lets the next bookings of this start be asked first whether it is still taken. */
export function rememberRefusal({ refusedStarts }: Pick<Deps, 'refusedStarts'>, request: BookAppointment): void {
  refusedStarts.set(startOf(request), true)
}

/**
 * For a start that was refused lately: throws the refusal if the calendar forbids the booking at this moment too, without
 * lock, transaction or limiter. What stands comes from the facts cache, what changes is read. Returns where the booking may be
 * possible, or where another error comes first: only the transaction decides those. `isRetry` tells whether the request was
 * done before.
 */
export async function refuseEarly(
  ctx: Context,
  request: BookAppointment,
  isRetry: () => Promise<boolean>,
): Promise<void> {
  const { actor, now } = ctx
  const { doctorId, visitTypeId, startsAt } = request
  if (!ctx.refusedStarts.has(startOf(request))) return
  const patientId = request.patientId ?? actor.patientId
  if (patientId === undefined || request.override || startsAt <= now) return
  if (actor.role === 'doctor' && actor.doctorId !== doctorId) return
  const start = startsAt.getTime()
  const search = { ...searchAround(ctx, [start, start], { visitTypeId }), doctorId }
  const facts = await ctx.factsCache.find(search).then(
    (found) => openDoctor(ctx, found),
    () => undefined,
  )
  const visit = { ...request, patientId }
  if (!facts) return
  if (!isRefused(() => choosePlace(actor, facts, visit))) {
    ctx.refusedStarts.delete(startOf(request))
    return
  }
  const patient = await findPatientBusy(ctx.db, ctx, { ...search, patientId })
  // After the facts: a first request that took this very time has stored its key by then.
  if (!patient || patient.erasedAt || (await isRetry())) return
  const alsoBusy = patient.busy
  choosePlace(actor, { ...facts, scheduling: { ...facts.scheduling, alsoBusy } }, visit)
}

function isRefused(choose: () => unknown): boolean {
  try {
    choose()
    return false
  } catch (error) {
    return error instanceof StartRefused
  }
}
