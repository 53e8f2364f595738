import { patientToBookFor } from '../../access/appointments'
import type { TransactionContext } from '../../deps'
import { AppError, invalid } from '../../errors'
import { formatInstant } from '../../http/schemas'
import { type BookingFacts, loadBookingFacts } from '../../scheduling/service'
import { assertOverride, writeBookings } from '../book'
import { chooseClinic, findPlace, type Place } from '../place'
import type { AppointmentRow } from '../queries'
import { endOfSeries, type Occurrence, weeklyOccurrences } from './occurrences'
import type { BookSeries, SeriesProblem } from './schemas'

type Examined = { startsAt: Date; place?: Place; problem?: SeriesProblem }
export type ReportedOccurrence = { startsAt: Date; appointment?: AppointmentRow; problem?: SeriesProblem }

/**
 * Books every occurrence, or those that are free, in the one transaction and by the protocol of a single booking: locks
 * once, everything read in one statement for the whole span, the engine asked about each, one write. Throws what a booking
 * throws; where it refuses for an occurrence, with `occurrences` as the report. `dryRun` writes nothing.
 */
export async function bookSeries(
  ctx: TransactionContext,
  { every, count, mode, dryRun, ...wanted }: BookSeries,
): Promise<{ patientId: string; occurrences: ReportedOccurrence[] }> {
  const patientId = patientToBookFor(ctx.actor, wanted)
  assertOverride(ctx, wanted)
  if (wanted.startsAt <= ctx.now) throw invalid('startsAt', 'must lie in the future')
  const first = wanted.startsAt.getTime()
  const rhythm = { weeks: every.weeks, count }
  const facts = await loadBookingFacts(ctx, { ...wanted, patientId, until: new Date(endOfSeries(first, rhythm)) })
  const clinic = chooseClinic(facts, first, wanted.clinicId)
  const starts = weeklyOccurrences(first, clinic?.timeZone ?? 'UTC', rhythm)
  const examined: Examined[] = []
  // At least a week apart, and no visit takes more than three days with its buffers: none is in another's way.
  for (const start of starts)
    examined.push(await examine(ctx, facts, start, { ...wanted, patientId, clinicId: clinic?.id ?? wanted.clinicId }))

  if (dryRun) return { patientId, occurrences: examined.map(withoutPlace) }
  const free = examined.flatMap(({ place }) => place ?? [])
  const refused = examined.find(({ problem }) => problem)?.problem
  if (refused && (mode === 'all_or_nothing' || free.length === 0)) throw conflict(refused, free.length, examined)
  const reason = wanted.reason ?? null
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
  }
}

type Wanted = Parameters<typeof findPlace>[2]

async function examine(
  ctx: TransactionContext,
  facts: BookingFacts,
  { start, exists }: Occurrence,
  wanted: Wanted,
): Promise<Examined> {
  const startsAt = new Date(start)
  if (!exists)
    return { startsAt, problem: { code: 'not_bookable', detail: 'The clocks skip this local time on that day.' } }
  try {
    return { startsAt, place: await findPlace(ctx, facts, { ...wanted, startsAt }) }
  } catch (error) {
    if (error instanceof AppError && isOccurrences(error.code))
      return { startsAt, problem: { code: error.code, detail: error.detail } }
    throw error
  }
}

const isOccurrences = (code: string): code is SeriesProblem['code'] =>
  code === 'slot_taken' || code === 'patient_busy' || code === 'not_bookable'

const withoutPlace = ({ startsAt, problem }: Examined): ReportedOccurrence => ({
  startsAt,
  ...(problem && { problem }),
})

function conflict({ code, detail }: SeriesProblem, free: number, examined: Examined[]): AppError {
  const occurrences = examined.map(({ startsAt, problem }) => ({ startsAt: formatInstant(startsAt), problem }))
  const words = `${examined.length - free} of ${examined.length} occurrences cannot be booked. The first: ${detail}`
  return new AppError(code, words, { occurrences })
}
