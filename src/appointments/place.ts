import type { TransactionContext } from '../deps'
import { AppError, invalid } from '../errors'
import { chooseRoom, clinicsWithHours, type FactsClinic } from '../scheduling/facts'
import { overlap } from '../scheduling/ranges'
import type { VisitFacts } from '../scheduling/service'
import { explainStart, occupiedRange, type Rule } from '../scheduling/slots'
import { expireHoldsInTheWay } from './holds/service'
import type { Taken } from './queries'
import type { Override } from './schemas'

/** Where a visit will be, and what it takes of whom. */
export type Place = {
  clinic: FactsClinic
  room: { id: string; name: string } | null
  startsAt: Date
  endsAt: Date
  taken: Taken[]
}

type Wanted = { patientId: string; startsAt: Date; clinicId?: string; override?: Override[] }

/**
 * Asks the engine whether the visit may begin then, chooses its clinic and room, and expires the lapsed holds that are
 * still in the way. Only under the locks under which the facts were read. Throws validation_failed, not_bookable with
 * `rules`, slot_taken and patient_busy.
 */
export async function findPlace(
  ctx: Pick<TransactionContext, 'db' | 'jobs' | 'now'>,
  facts: VisitFacts,
  { patientId, startsAt, override = [], ...wanted }: Wanted,
): Promise<Place> {
  const start = startsAt.getTime()
  const end = start + facts.visitType.durationMinutes * 60_000
  const clinic = chooseClinic(facts, start, wanted.clinicId)
  assertBookable(facts, clinic, start, override)
  const room = chooseRoom(facts, clinic, start)
  const withBuffers = occupiedRange(facts.scheduling.visit, start)
  const taken: Taken[] = [
    { kind: 'doctor', resourceId: facts.doctor.id, during: withBuffers },
    { kind: 'patient', resourceId: patientId, during: { start, end } },
    ...(room ? [{ kind: 'room' as const, resourceId: room.id, during: withBuffers }] : []),
  ]
  await expireHoldsInTheWay(
    ctx,
    facts.lapsed.filter((hold) =>
      taken.some(({ resourceId, during }) => resourceId === hold.resourceId && overlap(during, hold)),
    ),
  )
  return { clinic, room, startsAt, endsAt: new Date(end), taken }
}

/** The clinic asked for, else the one with hours then; undefined where there is none at all. */
export function chooseClinic(facts: VisitFacts, start: number, clinicId: string | undefined): FactsClinic | undefined {
  if (clinicId !== undefined) return facts.clinics.find(({ id }) => id === clinicId)
  const open = clinicsWithHours(facts, start)
  if (open.length > 1) throw invalid('clinicId', 'is required: the doctor has hours at several clinics then')
  return open[0] ?? facts.clinics[0]
}

const TAKEN: ReadonlySet<Rule> = new Set<Rule>(['doctor_free', 'patient_free', 'room_free'])

/** What staff may set aside; time off and closures are taken back instead, and nothing goes over what is taken. */
const WAIVED: Record<Override, Rule[]> = {
  minimum_notice: ['minimum_notice'],
  horizon: ['horizon'],
  hours: ['hours', 'grid'],
}

function assertBookable(
  { scheduling }: VisitFacts,
  clinic: FactsClinic | undefined,
  start: number,
  override: Override[],
): asserts clinic is FactsClinic {
  const waived = new Set(clinic && override.flatMap((name) => WAIVED[name]))
  const rules = explainStart(scheduling, start, clinic?.id ?? '')
  const broken = rules.filter(({ rule, pass }) => !pass && !waived.has(rule))
  const against = broken.find(({ rule }) => !TAKEN.has(rule))
  if (against) throw new AppError('not_bookable', `This time cannot be booked: ${against.detail}.`, { rules })
  if (broken.some(({ rule }) => rule !== 'patient_free')) throw slotTaken()
  if (broken.length > 0) throw new AppError('patient_busy', 'The patient has another appointment at this time.')
}

export const slotTaken = (cause?: unknown) => new AppError('slot_taken', 'This time is taken.', {}, {}, { cause })
