import { canSeePatient } from '../access/patients'
import type { Caller, Role } from '../actor'
import { cancelAppointment } from '../appointments/cancel'
import { confirmHold } from '../appointments/holds/service'
import { assertMayBookMore } from '../appointments/limits'
import { lockAppointmentParties } from '../appointments/lock'
import { getClinic } from '../clinics/service'
import { newId } from '../database/ids'
import { lockResources } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { getDoctor } from '../doctors/service'
import { AppError, invalid, notFound, requireRule } from '../errors'
import { cursorAfter, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import { localStart } from '../scheduling/local-time'
import {
  countUpcomingVisits,
  countWaiting,
  type EntryRow,
  findPartiesOfOffer,
  findWaitlistEntry,
  hasDoctorOf,
  insertWaitlistEntry,
  isErased,
  listWaitlistEntries,
  updateWaitlistStatus,
} from './queries'
import type { JoinWaitlist, ListWaitlistQuery, WaitlistEntry, WaitlistOffer } from './schemas'
import { assertWaitlistTransition, earliestToday, notOver, statusNow } from './status'

/** Waiting entries of one patient. */
const MAX_WAITING = 10

/** The user in whose name a time is held for an entry. */
export const makerOf = ({ createdBy, createdByRole }: { createdBy: string; createdByRole: Role }): Caller => ({
  userId: createdBy,
  role: createdByRole,
  sessionId: '',
})

/** Throws validation_failed if no doctor or day can fit, not_found, and invalid_state for an eleventh waiting entry. */
export async function joinWaitlist(ctx: TransactionContext, wish: JoinWaitlist): Promise<EntryRow> {
  const patientId = patientToWait(ctx.actor, wish)
  const today = earliestToday(ctx.now)
  requireRule(ctx, 'to', wish.to, notOver)
  await assertWish(ctx, wish)
  // Under the lock that an erasure takes too.
  await lockResources(ctx.db, [patientId])
  if (!(await canSeePatient(ctx, patientId))) throw notFound('patient')
  if (await isErased(ctx.db, patientId)) throw new AppError('invalid_state', 'This patient has been erased.')
  if ((await countWaiting(ctx.db, patientId, today)) >= MAX_WAITING)
    throw new AppError('invalid_state', `A patient can have at most ${MAX_WAITING} waiting entries at once.`)
  const id = newId()
  await insertWaitlistEntry(ctx.db, {
    id,
    patientId,
    doctorId: wish.doctorId ?? null,
    specialization: wish.specialization ?? null,
    clinicId: wish.clinicId ?? null,
    startsOn: wish.from,
    endsOn: wish.to,
    offerId: null,
    createdBy: ctx.actor.userId,
    createdByRole: ctx.actor.role,
    createdAt: ctx.now,
  })
  return getEntry(ctx, id)
}

function patientToWait({ role, patientId: self }: Caller, { patientId }: JoinWaitlist): string {
  if (patientId !== undefined) return patientId
  if (role !== 'patient') throw invalid('patientId', 'is required')
  if (self === undefined) throw notFound('patient')
  return self
}

async function assertWish(ctx: TransactionContext, { doctorId, specialization, clinicId }: JoinWaitlist) {
  if (clinicId !== undefined) await getClinic(ctx, clinicId)
  if (doctorId !== undefined) {
    const { clinics, disabled } = await getDoctor(ctx, doctorId)
    if (disabled) throw notFound('doctor')
    if (clinicId !== undefined && !clinics.some(({ id }) => id === clinicId))
      throw invalid('clinicId', 'must be a clinic of the doctor')
  }
  if (specialization !== undefined) {
    const verifiedOnly = ctx.config.doctorVerification
    if (!(await hasDoctorOf(ctx.db, { specialization, clinicId, verifiedOnly })))
      throw invalid('specialization', clinicId ? 'no doctor of the clinic has it' : 'no doctor has it')
  }
}

/** Throws not_found, also for an entry that the caller may not see. */
async function getEntry({ db, actor }: Pick<Context, 'db' | 'actor'>, id: string): Promise<EntryRow> {
  const entry = await findWaitlistEntry(db, actor, { id })
  if (!entry) throw notFound('entry')
  return entry
}

/** A page of the entries that the caller may see, newest first. */
export async function listWaitlist(
  { db, actor, now }: Pick<Context, 'db' | 'actor' | 'now'>,
  query: ListWaitlistQuery,
) {
  const { limit, cursor } = query
  const after = cursorAfter(cursor, 'createdAt')
  const rows = await listWaitlistEntries(db, actor, { limit: limit + 1 }, after)
  return toPage(
    rows,
    limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => presentEntry(row, now),
  )
}

/** Books the offered time. Throws not_found, hold_expired, invalid_state, too_many_upcoming, and as confirmHold does. */
export async function acceptOffer(ctx: TransactionContext, id: string): Promise<EntryRow> {
  const { entry, offerId } = await getOffer(ctx, id, 'accepted')
  await assertMayAccept(ctx, entry)
  // Only its patient or its maker can confirm a hold, so an admin accepts in the name of the user who made the entry.
  const actor = ctx.actor.role === 'patient' ? ctx.actor : makerOf(entry)
  await confirmHold({ ...ctx, actor }, offerId)
  await answerOffer(ctx, id, 'accepted')
  return getEntry(ctx, id)
}

/** The offer counts already. Throws too_many_upcoming. */
async function assertMayAccept(ctx: TransactionContext, { patientId, offerDoctorId }: EntryRow): Promise<void> {
  if (ctx.actor.role !== 'patient' || offerDoctorId === null) return
  assertMayBookMore(ctx, await countUpcomingVisits(ctx.db, { patientId, now: ctx.now, doctorId: offerDoctorId }), 0)
}

/** Cancels the hold, so that the time is offered to the next in line. Throws not_found and invalid_state. */
export async function declineOffer(ctx: TransactionContext, id: string): Promise<EntryRow> {
  const { offerId } = await getOffer(ctx, id, 'declined')
  await cancelAppointment(ctx, offerId, {}, null)
  await answerOffer(ctx, id, 'declined')
  return getEntry(ctx, id)
}

/** Withdraws the entry and cancels the hold of an offer. Throws not_found and invalid_state. */
export async function leaveWaitlist(ctx: TransactionContext, id: string): Promise<EntryRow> {
  const entry = await getEntry(ctx, id)
  if (entry.status === 'waiting') {
    assertWaitlistTransition(currentStatus(entry, ctx.now), 'withdrawn')
    if (await updateWaitlistStatus(ctx.db, id, { from: 'waiting', to: 'withdrawn' })) return entry
  }
  // It has an offer already, or gets one at this moment.
  const { offerId } = await getOffer(ctx, id, 'withdrawn')
  await cancelAppointment(ctx, offerId, {}, null)
  await answerOffer(ctx, id, 'withdrawn')
  return entry
}

/**
 * An offer that may become `to`: read, locked like its appointment, and read again, so that of several answers to one offer
 * the first decides. Throws not_found and as `assertWaitlistTransition`.
 */
async function getOffer(ctx: TransactionContext, id: string, to: 'accepted' | 'declined' | 'withdrawn') {
  const unlocked = await getEntry(ctx, id)
  const parties = unlocked.offerId !== null && (await findPartiesOfOffer(ctx.db, unlocked.offerId))
  if (parties) await lockAppointmentParties(ctx.db, parties)
  const entry = parties ? await getEntry(ctx, id) : unlocked
  assertWaitlistTransition(currentStatus(entry, ctx.now), to)
  // Only an entry with an offer can become any of these, and an entry gets one offer.
  return { entry, offerId: entry.offerId! }
}

/** Call it under the locks of `getOffer`. Throws invalid_state if the offer was answered nevertheless. */
async function answerOffer(ctx: TransactionContext, id: string, to: 'accepted' | 'declined' | 'withdrawn') {
  if (await updateWaitlistStatus(ctx.db, id, { from: 'offered', to })) return
  throw new AppError('invalid_state', 'The offer has been answered already.')
}

function currentStatus(row: EntryRow, now: Date) {
  const offer = row.offerStatus && { status: row.offerStatus, holdExpiresAt: row.offerExpiresAt }
  return statusNow(row, offer, now)
}

export function presentEntry(row: EntryRow, now: Date): WaitlistEntry {
  const status = currentStatus(row, now)
  return {
    id: row.id,
    status,
    patient: { id: row.patientId, name: row.patientName },
    doctor: named(row.doctorId, row.doctorName),
    specialization: row.specialization,
    clinic: named(row.clinicId, row.clinicName),
    from: row.startsOn,
    to: row.endsOn,
    offer: hasOffer(row) ? presentOffer(row, status === 'offered') : null,
    createdAt: formatInstant(row.createdAt),
  }
}

const named = (id: string | null, name: string | null) => (id !== null && name !== null ? { id, name } : null)

type OfferColumn = Exclude<Extract<keyof EntryRow, `offer${string}`>, 'offerExpiresAt'>
type OfferedRow = EntryRow & { [Column in OfferColumn]: NonNullable<EntryRow[Column]> }

/** With an offer all its columns but the expiry are set: they are joined by foreign keys. */
const hasOffer = (row: EntryRow): row is OfferedRow => row.offerId !== null

const presentOffer = (row: OfferedRow, isOpen: boolean): WaitlistOffer => ({
  appointmentId: row.offerId,
  doctor: { id: row.offerDoctorId, name: row.offerDoctorName },
  clinic: { id: row.offerClinicId, name: row.offerClinicName, timeZone: row.offerTimeZone },
  startsAt: formatInstant(row.offerStartsAt),
  endsAt: formatInstant(row.offerEndsAt),
  localStart: localStart(row.offerStartsAt.getTime(), row.offerTimeZone),
  expiresAt: isOpen && row.offerExpiresAt ? formatInstant(row.offerExpiresAt) : null,
})
