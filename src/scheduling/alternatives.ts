import { type BookedTerms, type DoctorFacts, type FactsContext, readFacts, type VisitRequest } from './facts'
import { DAY, localDay } from './local-time'
import { presentSlot } from './present'
import { findColleaguesFacts, findFacts } from './queries'
import { searchAround } from './query-fragments'
import type { Slot } from './schemas'
import { type BookableStart, bookableStarts, clinicsWithHours } from './slots'

type RefusedVisit = VisitRequest & {
  /** The appointment that could not be moved: it stays with its doctor and keeps its terms. */
  moving?: { id: string; booked: BookedTerms }
}

const MAX_ALTERNATIVES = 5
/** How far from the refused time an alternative may lie: some doctors work at a clinic once a week. */
const OWN_DAYS = { before: 7, after: 35 }
const COLLEAGUES_DAYS = { before: 7, after: 14 }
const MAX_COLLEAGUES = 20
/** Booking facts of one visit know every start this near, since a visit and its buffers last less than a day. */
const NEAR = { before: 1, after: 1 }

type Days = typeof OWN_DAYS
type Candidate = { facts: DoctorFacts; at: BookableStart }

/**
 * Up to five slots that this patient can book instead, the nearest first: at the same doctor, and if these are too few at
 * doctors of the same specialization, in the same clinic before others. At most two round trips, none if the facts that
 * refused the visit know five within a day; takes no lock.
 */
export async function findAlternatives(ctx: FactsContext, refused: RefusedVisit, facts?: DoctorFacts): Promise<Slot[]> {
  const { doctorId, visitTypeId, patientId, startsAt } = refused
  const start = startsAt.getTime()
  const near = facts ? nearest(withinADay(facts, start), start, MAX_ALTERNATIVES) : []
  if (near.length === MAX_ALTERNATIVES) return near.map(present)
  const search = searchAround(ctx, around(start, OWN_DAYS), { visitTypeId, patientId, moving: refused.moving?.id })
  const ownFacts = await findFacts(ctx.db, { ...search, doctorId })
  const [own] = readFacts(ownFacts!, ctx.now, refused.moving?.booked)
  if (!own) return []
  const found = nearest(candidatesOf(own, start, OWN_DAYS), start, MAX_ALTERNATIVES)
  if (found.length === MAX_ALTERNATIVES || refused.moving) return found.map(present)

  const clinicId = refused.clinicId ?? clinicsWithHours(own, start)[0]?.id ?? null
  const others = await findColleagues(ctx, refused, own, clinicId)
  const here = others.filter(({ at }) => at.clinicId === clinicId)
  const elsewhere = others.filter(({ at }) => at.clinicId !== clinicId)
  for (const group of [here, elsewhere]) found.push(...nearest(group, start, MAX_ALTERNATIVES - found.length))
  return found.map(present)
}

async function findColleagues(ctx: FactsContext, refused: RefusedVisit, own: DoctorFacts, clinicId: string | null) {
  const { patientId } = refused
  const start = refused.startsAt.getTime()
  const found = await findColleaguesFacts(ctx.db, searchAround(ctx, around(start, COLLEAGUES_DAYS), { patientId }), {
    doctorId: own.doctor.id,
    specialization: own.doctor.specialization,
    clinicId,
    verifiedOnly: ctx.config.doctorVerification,
    visitType: own.visitType,
    limit: MAX_COLLEAGUES,
  })
  return readFacts(found, ctx.now).flatMap((facts) => candidatesOf(facts, start, COLLEAGUES_DAYS))
}

const around = (start: number, { before, after }: Days): [number, number] => [start - before * DAY, start + after * DAY]

function candidatesOf(facts: DoctorFacts, start: number, days: Days): Candidate[] {
  const [first, last] = around(start, days)
  const range = { fromDay: localDay(first, 'UTC'), untilDay: localDay(last, 'UTC') }
  return bookableStarts(facts.scheduling, range).map((at) => ({ facts, at }))
}

const withinADay = (facts: DoctorFacts, start: number) =>
  candidatesOf(facts, start, NEAR).filter(({ at }) => Math.abs(at.start - start) <= DAY)

/** Of two equally near, the earlier. */
function nearest(candidates: Candidate[], start: number, count: number): Candidate[] {
  const distance = ({ at }: Candidate) => Math.abs(at.start - start)
  return candidates.sort((a, b) => distance(a) - distance(b) || a.at.start - b.at.start).slice(0, count)
}

const present = ({ facts, at }: Candidate): Slot => presentSlot(facts, at)
