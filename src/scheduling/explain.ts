import { assertManages } from '../access/doctors'
import type { Context } from '../deps'
import { invalid, notFound } from '../errors'
import { readFacts, readRange } from './facts'
import { findExplainedFacts } from './queries'
import { searchAround } from './query-fragments'
import type { ExplainSlotQuery, Explanation } from './schemas'
import { clinicsWithHours, explainStart } from './slots'

/**
 * Why a start can or cannot be booked, rule by rule, for the doctor and admins. Throws not_found for another doctor and for
 * a visit type that is not an active one of the doctor.
 */
export async function explainSlot(
  ctx: Pick<Context, 'db' | 'now' | 'config' | 'actor'>,
  doctorId: string,
  { startsAt, visitTypeId, clinicId }: ExplainSlotQuery,
): Promise<Explanation> {
  assertManages(ctx.actor, doctorId)
  const start = startsAt.getTime()
  const found = await findExplainedFacts(ctx.db, { ...searchAround(ctx, [start, start], { visitTypeId }), doctorId })
  if (found!.doctors.length === 0) throw notFound('doctor')
  const [facts] = readFacts(found!, ctx.now)
  if (!facts) throw notFound('visit type')

  const { doctor, clinics, scheduling } = facts
  const visits = found!.visits.map(readRange)
  const busy = scheduling.busy.map((range) => ({
    ...range,
    // Busy ranges of one doctor do not overlap, so each holds only its own visit.
    appointment: visits.find((visit) => range.start <= visit.start && visit.end <= range.end),
  }))
  const open = clinicsWithHours(facts, start)
  if (clinicId === undefined && open.length > 1)
    throw invalid('query.clinicId', 'is required: the doctor has hours at several clinics at this time')
  const clinic = clinicId ?? (open[0] ?? clinics[0])?.id ?? ''
  const rules = [
    explainDoctor(ctx, doctor),
    ...explainStart({ ...scheduling, busy }, start, clinic).filter(({ rule }) => rule !== 'patient_free'),
  ]
  return { bookable: rules.every(({ pass }) => pass), rules }
}

function explainDoctor(
  { config }: Pick<Context, 'config'>,
  { isVerified, disabled }: { isVerified: boolean; disabled: boolean },
) {
  const rule = 'verified' as const
  if (disabled) return { rule, pass: false, detail: "the doctor's account is disabled" }
  if (isVerified) return { rule, pass: true, detail: 'the doctor is verified' }
  if (!config.doctorVerification) return { rule, pass: true, detail: 'doctors need no verification here' }
  return { rule, pass: false, detail: 'the doctor is not verified yet' }
}
