import { violates } from '../database/constraints'
import { newId } from '../database/ids'
import { lockResources } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { AppError, invalid } from '../errors'
import { findAlternatives } from '../scheduling/alternatives'
import { clinicsWithHours } from '../scheduling/facts'
import { localDay } from '../scheduling/local-time'
import { type BookingFacts, loadBookingFacts } from '../scheduling/service'
import { explainStart, occupiedRange, type Rule } from '../scheduling/slots'
import { patientToBookFor } from './policy'
import { type AppointmentRow, insertAppointment } from './queries'
import type { BookAppointment } from './schemas'

/**
 * Books by the protocol that makes double bookings impossible: lock doctor and patient, then read everything, let the
 * engine decide, write. Throws not_found, forbidden, validation_failed, not_bookable with `rules`, slot_taken and
 * patient_busy.
 */
export async function bookAppointment(ctx: TransactionContext, wanted: BookAppointment): Promise<AppointmentRow> {
  const patientId = patientToBookFor(ctx.actor, wanted)
  if (wanted.startsAt <= ctx.now) throw invalid('startsAt', 'must lie in the future')
  await lockResources(ctx.db, [wanted.doctorId, patientId])
  const facts = await loadBookingFacts(ctx, { ...wanted, patientId })
  const clinic = chooseClinic(facts, wanted)
  assertBookable(facts, clinic, wanted.startsAt)
  return writeBooking(ctx, facts, clinic, wanted)
}

/**
 * What a refused booking is answered with: the conflict and the nearest times that this patient can book. Call it once
 * the failed transaction has ended, since it reads as much as a search and must hold no lock.
 */
export async function offerAlternatives(ctx: Context, wanted: BookAppointment, error: AppError): Promise<AppError> {
  if (error.code !== 'slot_taken' && error.code !== 'patient_busy') return error
  const patientId = patientToBookFor(ctx.actor, wanted)
  const alternatives = await findAlternatives(ctx, { ...wanted, patientId })
  return new AppError(error.code, error.detail, { alternatives }, {}, { cause: error })
}

type Clinic = BookingFacts['clinics'][number]

/** The clinic asked for, else the one with hours then; undefined where there is none at all. */
function chooseClinic(facts: BookingFacts, { clinicId, startsAt }: BookAppointment): Clinic | undefined {
  if (clinicId !== undefined) return facts.clinics.find(({ id }) => id === clinicId)
  const open = clinicsWithHours(facts, startsAt.getTime())
  if (open.length > 1) throw invalid('clinicId', 'is required: the doctor has hours at several clinics then')
  return open[0] ?? facts.clinics[0]
}

const TAKEN: ReadonlySet<Rule> = new Set<Rule>(['doctor_free', 'patient_free', 'room_free'])

/** Whatever passes has a clinic: of a doctor at none the engine says that there are no hours. */
function assertBookable(
  { scheduling }: BookingFacts,
  clinic: Clinic | undefined,
  startsAt: Date,
): asserts clinic is Clinic {
  const rules = explainStart(scheduling, startsAt.getTime(), clinic?.id ?? '')
  const broken = rules.filter(({ pass }) => !pass)
  const against = broken.find(({ rule }) => !TAKEN.has(rule))
  if (against) throw new AppError('not_bookable', `This time cannot be booked: ${against.detail}.`, { rules })
  if (broken.some(({ rule }) => rule !== 'patient_free')) throw slotTaken()
  if (broken.length > 0) throw new AppError('patient_busy', 'The patient has another appointment at this time.')
}

const slotTaken = (cause?: unknown) => new AppError('slot_taken', 'This time is taken.', {}, {}, { cause })

/** With the terms of the visit type as they are now; later changes do not touch them. */
async function writeBooking(
  ctx: TransactionContext,
  { doctor, patient, visitType, scheduling }: BookingFacts,
  clinic: Clinic,
  { startsAt, reason }: BookAppointment,
): Promise<AppointmentRow> {
  const start = startsAt.getTime()
  const end = start + visitType.durationMinutes * 60_000
  const appointment = {
    id: newId(),
    patientId: patient.id,
    doctorId: doctor.id,
    clinicId: clinic.id,
    visitTypeId: visitType.id,
    startsAt,
    endsAt: new Date(end),
    date: localDay(start, clinic.timeZone),
    status: 'booked' as const,
    reason: reason ?? null,
    createdBy: ctx.actor.userId,
    createdByRole: ctx.actor.role,
    timeZone: clinic.timeZone,
    mode: visitType.mode,
    priceAmount: visitType.priceAmount,
    priceCurrency: visitType.priceCurrency,
    cancellationFreeUntilMinutes: visitType.cancellationFreeUntilMinutes,
    cancellationLateRefundPercent: visitType.cancellationLateRefundPercent,
    bufferBeforeMinutes: visitType.bufferBeforeMinutes,
    bufferAfterMinutes: visitType.bufferAfterMinutes,
    version: 1,
    createdAt: ctx.now,
  }
  try {
    await insertAppointment(ctx.db, appointment, [
      { kind: 'doctor', resourceId: doctor.id, during: occupiedRange(scheduling.visit, start) },
      { kind: 'patient', resourceId: patient.id, during: { start, end } },
    ])
  } catch (error) {
    // The locks make this all but impossible; the constraint is what makes it impossible.
    throw violates(error, 'occupancy_no_overlap') ? slotTaken(error) : error
  }
  return {
    ...appointment,
    patientName: patient.name,
    doctorName: doctor.name,
    specialization: doctor.specialization,
    clinicName: clinic.name,
    visitTypeName: visitType.name,
    payment: null,
  }
}
