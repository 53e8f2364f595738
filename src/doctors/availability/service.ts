import { assertManages, manages, maySeeDoctor } from '../../access/doctors'
import type { Caller } from '../../actor'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, type IfMatch, invalid, notFound, requireVersion } from '../../errors'
import { formatInstant } from '../../http/schemas'
import type { Affected } from '../../scheduling/affected/schemas'
import { findOutsideHours } from '../../scheduling/affected/service'
import { readWindow } from '../../scheduling/calendar'
import { addDays, localDay } from '../../scheduling/local-time'
import {
  type AvailabilityRow,
  deleteSchedule,
  findAvailability,
  raiseAvailabilityVersion,
  replaceSchedule,
  type SchedulePeriod,
} from './queries'
import { type Availability, MAX_SCHEDULES, type SetAvailability } from './schemas'

/** Exceptions and dated schedules that ended earlier are not shown. */
const DAYS_SHOWN_BACK = 366

/** Shows the notes of exceptions only to the doctor and to admins. */
export const presentAvailability = ({ id, clinics, exceptions }: AvailabilityRow, actor: Caller): Availability => ({
  doctorId: id,
  clinics: clinics.map((clinic) => ({
    clinicId: clinic.id,
    timeZone: clinic.timeZone,
    schedules: clinic.schedules.map(({ validFrom, validUntil, windows }) => ({
      validFrom,
      validUntil,
      weekly: windows.map(readWindow),
    })),
  })),
  exceptions: exceptions.map(({ note, startsAt, endsAt, ...exception }) => ({
    ...exception,
    startsAt: formatInstant(new Date(startsAt)),
    endsAt: formatInstant(new Date(endsAt)),
    ...(manages(actor, id) && { note }),
  })),
})

/** Throws not_found for a doctor the caller may not see. */
export async function getAvailability(ctx: Pick<Context, 'db' | 'actor' | 'config' | 'now'>, doctorId: string) {
  const availability = await findAvailability(ctx.db, doctorId, firstDayShown(ctx.now))
  if (!availability || !maySeeDoctor(ctx, availability)) throw notFound('doctor')
  return availability
}

/**
 * Replaces the standing week of a clinic or, with dates, the dated schedule of exactly this period; `weekly: null` deletes
 * the latter. Existing appointments stay; `outside` lists those at the clinic that are now outside the hours. Takes the
 * doctor's lock, so that no booking is decided on hours that are changing.
 */
export async function setAvailability(
  ctx: TransactionContext,
  { doctorId: named, clinicId: namedClinic, weekly, validFrom = null, validUntil = null }: SetAvailability,
  ifMatch: IfMatch,
): Promise<{ availability: AvailabilityRow; outside: Affected }> {
  const doctorId = doctorIdOf(ctx.actor, named)
  await lockResources(ctx.db, [doctorId])
  const current = await getAvailability(ctx, doctorId)
  const clinicId = clinicIdOf(current, namedClinic)
  const period = { doctorId, clinicId, validFrom, validUntil }
  const isKnown = hasSchedule(current, period)
  if (weekly === null && !isKnown) throw notFound('schedule')
  requireVersion(current, ifMatch)
  if (validFrom !== null && !isKnown) assertRoomForSchedule(current, clinicId)
  await (weekly === null ? deleteSchedule(ctx.db, period) : replaceSchedule(ctx.db, period, weekly))
  await raiseAvailabilityVersion(ctx.db, doctorId)
  const availability = await getAvailability(ctx, doctorId)
  return { availability, outside: await findOutsideHours(ctx, { clinicId, doctorId }) }
}

const firstDayShown = (now: Date) => addDays(localDay(now.getTime(), 'UTC'), -DAYS_SHOWN_BACK)

/** The doctor named or the caller. Throws not_found when the caller is not that doctor or an admin, 422 when an admin names none. */
export function doctorIdOf(actor: Caller, named: string | undefined): string {
  const doctorId = named ?? actor.doctorId
  if (doctorId === undefined) throw invalid('doctorId', 'is required for admins')
  assertManages(actor, doctorId)
  return doctorId
}

/** The clinic named or the doctor's only clinic. Throws forbidden for a clinic of others, 422 when one must be named. */
export function clinicIdOf({ clinics }: AvailabilityRow, named: string | undefined): string {
  if (named !== undefined) {
    if (clinics.some(({ id }) => id === named)) return named
    throw new AppError('forbidden', 'The doctor does not work at this clinic.')
  }
  const [only, another] = clinics
  if (!only) throw invalid('clinicId', 'the doctor has no clinic yet')
  if (another) throw invalid('clinicId', 'is required: the doctor has several clinics')
  return only.id
}

function hasSchedule({ clinics }: AvailabilityRow, { clinicId, validFrom, validUntil }: SchedulePeriod): boolean {
  const schedules = clinics.find(({ id }) => id === clinicId)?.schedules ?? []
  return schedules.some((known) => known.validFrom === validFrom && known.validUntil === validUntil)
}

function assertRoomForSchedule({ clinics }: AvailabilityRow, clinicId: string): void {
  const schedules = clinics.find(({ id }) => id === clinicId)?.schedules ?? []
  if (schedules.filter(({ validFrom }) => validFrom !== null).length >= MAX_SCHEDULES)
    throw invalid('validFrom', `a doctor can have at most ${MAX_SCHEDULES} dated schedules at one clinic`)
}
