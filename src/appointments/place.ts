import type { Actor } from '../actor'
import type { TransactionContext } from '../deps'
import { AppError, invalid } from '../errors'
import type { DoctorFacts, FactsClinic, VisitFacts } from '../scheduling/facts'
import { overlap } from '../scheduling/ranges'
import { clinicsWithHours, explainStart, occupiedRange, type Rule } from '../scheduling/slots'
import { expireConflictingHolds } from './holds/service'
import type { Occupancy } from './occupancy'
import type { Override } from './schemas'
import { rulesFor, StartRefused } from './start-refused'

/** Where and when a visit will be, and the occupancy it needs. */
export type Place = {
  clinic: FactsClinic
  room: { id: string; name: string } | null
  startsAt: Date
  endsAt: Date
  occupancy: Occupancy[]
}

export type PlaceRequest = { patientId: string; startsAt: Date; clinicId?: string; override?: Override[] }

/**
 * Chooses clinic and room of a visit that may begin then. Throws validation_failed, not_bookable with `rules`, slot_taken and
 * patient_busy.
 */
export function choosePlace(
  actor: Actor,
  facts: DoctorFacts,
  { patientId, startsAt, clinicId, override = [] }: PlaceRequest,
): Place {
  const start = startsAt.getTime()
  const end = start + facts.visitType.durationMinutes * 60_000
  const clinic = chooseClinic(facts, start, clinicId)
  assertBookable(actor, facts, clinic, { patientId, start, override })
  const room = chooseRoom(facts, clinic, start)
  const withBuffers = occupiedRange(facts.scheduling.visit, start)
  const occupancy: Occupancy[] = [
    { kind: 'doctor', resourceId: facts.doctor.id, during: withBuffers },
    { kind: 'patient', resourceId: patientId, during: { start, end } },
    ...(room ? [{ kind: 'room' as const, resourceId: room.id, during: withBuffers }] : []),
  ]
  return { clinic, room, startsAt, endsAt: new Date(end), occupancy }
}

/**
 * The same, and expires the holds whose occupancy conflicts: its only write. Call it under the locks under which the facts
 * were read.
 */
export async function takePlace(
  ctx: Pick<TransactionContext, 'db' | 'jobs' | 'now'> & { actor: Actor },
  facts: VisitFacts,
  request: PlaceRequest,
): Promise<Place> {
  const place = choosePlace(ctx.actor, facts, request)
  const conflicting = facts.expiredHolds.filter((hold) =>
    place.occupancy.some(({ resourceId, during }) => resourceId === hold.resourceId && overlap(during, hold)),
  )
  await expireConflictingHolds(
    ctx,
    conflicting.map(({ appointmentId }) => appointmentId),
  )
  return place
}

/** The clinic of the request, else the one with hours then, else any; undefined for a doctor without a clinic. */
export function chooseClinic(facts: DoctorFacts, start: number, clinicId: string | undefined): FactsClinic | undefined {
  if (clinicId !== undefined) return facts.clinics.find(({ id }) => id === clinicId)
  const open = clinicsWithHours(facts, start)
  if (open.length > 1) throw invalid('clinicId', 'is required: the doctor has hours at several clinics at this time')
  return open[0] ?? facts.clinics[0]
}

const OCCUPANCY_RULES: ReadonlySet<Rule> = new Set<Rule>(['doctor_free', 'patient_free', 'room_free'])

/** The rules that each override sets aside. Time off, closures and occupancy have none. */
const WAIVED: Record<Override, Rule[]> = {
  minimum_notice: ['minimum_notice'],
  horizon: ['horizon'],
  hours: ['hours', 'grid'],
}

function assertBookable(
  actor: Actor,
  facts: DoctorFacts,
  clinic: FactsClinic | undefined,
  { patientId, start, override }: { patientId: string; start: number; override: Override[] },
): asserts clinic is FactsClinic {
  const waived = new Set(clinic && override.flatMap((name) => WAIVED[name]))
  const rules = explainStart(facts.scheduling, start, clinic?.id ?? '')
  const broken = rules.filter(({ rule, pass }) => !pass && !waived.has(rule))
  const against = broken.find(({ rule }) => !OCCUPANCY_RULES.has(rule))
  const busyPatientId = broken.some(({ rule }) => rule === 'patient_free') ? patientId : undefined
  if (against) {
    const detail = `This time cannot be booked: ${against.detail}.`
    throw new StartRefused('not_bookable', detail, { rules: rulesFor(actor, rules) }, busyPatientId, facts)
  }
  if (broken.some(({ rule }) => rule !== 'patient_free'))
    throw new StartRefused('slot_taken', TAKEN, {}, busyPatientId, facts)
  if (busyPatientId)
    throw new StartRefused(
      'patient_busy',
      'The patient has another appointment at this time.',
      {},
      busyPatientId,
      facts,
    )
}

/**
 * The room of a bookable visit: the first of the clinic's, the oldest before the others, that is free with the buffers
 * around it; null for a visit that needs none.
 */
function chooseRoom({ visitType, scheduling }: DoctorFacts, clinic: FactsClinic, start: number) {
  if (!visitType.requiresRoom) return null
  const needed = occupiedRange(scheduling.visit, start)
  const room = clinic.rooms.find(({ busy }) => !busy.some((range) => overlap(range, needed)))
  return room ? { id: room.id, name: room.name } : null
}

const TAKEN = 'This time is taken.'

export const slotTaken = (cause?: unknown) => new AppError('slot_taken', TAKEN, {}, {}, { cause })
