import type { TransactionContext } from '../../deps'
import { AppError, requireRule } from '../../errors'
import { inFuture } from '../../http/rules'
import { formatInstant } from '../../http/schemas'
import { type BookingFacts, loadBookingFacts, lockBooking } from '../../scheduling/facts'
import { assertOverride, patientToBookFor, writeBookings } from '../book'
import { assertMayBookMore, assertMayHold, isPaidFirst } from '../limits'
import { chooseClinic, type Place, type PlaceRequest, takePlace } from '../place'
import type { AppointmentRow } from '../queries'
import { StartRefused } from '../start-refused'
import { endOfSeries, type Occurrence, weeklyOccurrences } from './occurrences'
import type { BookSeries, SeriesProblem } from './schemas'

type ExaminedOccurrence = { startsAt: Date; place?: Place; problem?: SeriesProblem; refusal?: AppError }
export type ReportedOccurrence = { startsAt: Date; appointment?: AppointmentRow; problem?: SeriesProblem }

/**
 * Books every occurrence, or those that are free, by the protocol of a single booking: locks once, reads the booking facts
 * of the whole span in one statement, decides each occurrence, writes once. Throws as a booking does; an error about an
 * occurrence has the report as `occurrences`; the limits on holds and on visits to come refuse a series as a whole. `dryRun` books nothing; like a booking it expires conflicting holds.
 */
export async function bookSeries(
  ctx: TransactionContext,
  { every, count, mode, dryRun, ...request }: BookSeries,
): Promise<{ patientId: string; occurrences: ReportedOccurrence[]; busy?: AppError }> {
  const patientId = patientToBookFor(ctx.actor, request)
  assertOverride(ctx, request)
  requireRule(ctx, 'startsAt', request.startsAt, inFuture)
  const first = request.startsAt.getTime()
  const rhythm = { weeks: every.weeks, count }
  const visit = { ...request, patientId }
  await lockBooking(ctx.db, visit)
  const facts = await loadBookingFacts(ctx, { ...visit, until: new Date(endOfSeries(first, rhythm)) })
  if (isPaidFirst(facts)) assertMayHold(facts, count)
  const clinic = chooseClinic(facts, first, visit.clinicId)
  const starts = weeklyOccurrences(first, clinic?.timeZone ?? 'UTC', rhythm)
  const examined: ExaminedOccurrence[] = []
  // At least a week apart, and no visit occupies more than three days with its buffers: occurrences cannot conflict.
  for (const start of starts)
    examined.push(await examine(ctx, facts, start, { ...visit, clinicId: clinic?.id ?? visit.clinicId }))

  const free = examined.flatMap(({ place }) => place ?? [])
  const busy = examined.map(({ refusal }) => refusal).find((one): one is StartRefused => isBusy(one))
  assertMayBookMore(ctx, facts.patient, free.length)
  if (dryRun) return { patientId, occurrences: examined.map(withoutPlace), busy }
  const refused = examined.find(({ problem }) => problem)?.problem
  if (refused && (mode === 'all_or_nothing' || free.length === 0))
    throw conflict(refused, free.length, examined, busy?.busyPatientId)
  const reason = visit.reason ?? null
  const booked = await writeBookings(
    ctx,
    free.map((place) => ({ facts, place, reason })),
  )
  const byPlace = new Map(free.map((place, i) => [place, booked[i]!]))
  return {
    patientId,
    occurrences: examined.map(({ startsAt, place, problem }) =>
      place ? { startsAt, appointment: byPlace.get(place)! } : { startsAt, problem },
    ),
    busy,
  }
}

async function examine(
  ctx: TransactionContext,
  facts: BookingFacts,
  { start, exists }: Occurrence,
  request: PlaceRequest,
): Promise<ExaminedOccurrence> {
  const startsAt = new Date(start)
  if (!exists)
    return { startsAt, problem: { code: 'not_bookable', detail: 'The clocks skip this local time on that day.' } }
  try {
    return { startsAt, place: await takePlace(ctx, facts, { ...request, startsAt }) }
  } catch (error) {
    if (error instanceof AppError && isSeriesProblem(error.code))
      return { startsAt, problem: { code: error.code, detail: error.detail }, refusal: error }
    throw error
  }
}

const isSeriesProblem = (code: string): code is SeriesProblem['code'] =>
  code === 'slot_taken' || code === 'patient_busy' || code === 'not_bookable'

const isBusy = (refusal: AppError | undefined) => refusal instanceof StartRefused && refusal.busyPatientId !== undefined

const withoutPlace = ({ startsAt, problem }: ExaminedOccurrence): ReportedOccurrence => ({
  startsAt,
  ...(problem && { problem }),
})

function conflict(
  { code, detail }: SeriesProblem,
  free: number,
  examined: ExaminedOccurrence[],
  busyPatientId: string | undefined,
): AppError {
  const occurrences = examined.map(({ startsAt, problem }) => ({ startsAt: formatInstant(startsAt), problem }))
  const report = `${examined.length - free} of ${examined.length} occurrences cannot be booked. The first: ${detail}`
  return new StartRefused(code, report, { occurrences }, busyPatientId)
}
