import { canSeePatient } from '../access/patients'
import type { Caller, Role } from '../actor'
import { cancelAppointment } from '../appointments/cancel'
import { confirmHold } from '../appointments/holds/service'
import { getClinic } from '../clinics/service'
import { newId } from '../database/ids'
import { lockResources } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { getDoctor } from '../doctors/service'
import { AppError, invalid, notFound } from '../errors'
import { cursorAfter, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import { localStart } from '../scheduling/local-time'
import { changeStatus, countWaiting, type EntryRow, findEntry, hasDoctorOf, insertEntry, listEntries } from './queries'
import type { JoinWaitlist, ListWaitlistQuery, WaitlistEntry } from './schemas'
import { assertTransition, earliestToday, statusNow } from './status'

/** Entries of one patient that wait at the same time. */
const MAX_WAITING = 10

/** In whose name a time is held for an entry. */
export const makerOf = ({ createdBy, createdByRole }: { createdBy: string; createdByRole: Role }): Caller => ({
  userId: createdBy,
  role: createdByRole,
  sessionId: '',
})

/** Throws validation_failed for a wish that nothing can fulfil, not_found, and invalid_state for one entry too many. */
export async function joinWaitlist(ctx: TransactionContext, wish: JoinWaitlist): Promise<EntryRow> {
  const patientId = patientToWait(ctx.actor, wish)
  const today = earliestToday(ctx.now)
  if (wish.to < today) throw invalid('to', 'must not lie in the past')
  await assertWish(ctx, wish)
  if (!(await canSeePatient(ctx, patientId))) throw notFound('patient')
  await lockResources(ctx.db, [patientId])
  if ((await countWaiting(ctx.db, patientId, today)) >= MAX_WAITING)
    throw new AppError('invalid_state', `A patient can wait for at most ${MAX_WAITING} things at once.`)
  const id = newId()
  await insertEntry(ctx.db, {
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
    const { clinics } = await getDoctor(ctx, doctorId)
    if (clinicId !== undefined && !clinics.some(({ id }) => id === clinicId))
      throw invalid('clinicId', 'must be a clinic of the doctor')
  }
  if (specialization !== undefined) {
    const verifiedOnly = ctx.config.doctorVerification
    if (!(await hasDoctorOf(ctx.db, { specialization, clinicId, verifiedOnly })))
      throw invalid('specialization', clinicId ? 'no doctor of the clinic has it' : 'no doctor has it')
  }
}

type Reader = Pick<Context, 'db' | 'actor'>

/** Throws not_found, also for somebody else's. */
export async function getEntry({ db, actor }: Reader, id: string): Promise<EntryRow> {
  const entry = await findEntry(db, actor, { id })
  if (!entry) throw notFound('entry')
  return entry
}

/** The caller's own, newest first. */
export async function listWaitlist({ db, actor, now }: Reader & Pick<Context, 'now'>, query: ListWaitlistQuery) {
  const { limit, cursor } = query
  const after = cursorAfter(cursor, 'createdAt')
  const rows = await listEntries(db, actor, { limit: limit + 1 }, after)
  return toPage(
    rows,
    limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => presentEntry(row, now),
  )
}

/** Makes the offered time a booking. Throws not_found, hold_expired once the offer has lapsed, and invalid_state. */
export async function acceptOffer(ctx: TransactionContext, id: string): Promise<EntryRow> {
  const { entry, offerId } = await getOffer(ctx, id, 'accepted')
  // Holds are confirmed by their patient or maker; an admin may accept for a patient who put themselves on the list.
  const actor = ctx.actor.role === 'patient' ? ctx.actor : makerOf(entry)
  await confirmHold({ ...ctx, actor }, offerId)
  await changeStatus(ctx.db, id, { from: 'offered', to: 'accepted' })
  return getEntry(ctx, id)
}

/** Gives the offered time up: the next in line is offered it. Throws not_found and invalid_state. */
export async function declineOffer(ctx: TransactionContext, id: string): Promise<EntryRow> {
  const { offerId } = await getOffer(ctx, id, 'declined')
  await cancelAppointment(ctx, offerId, {}, null)
  await changeStatus(ctx.db, id, { from: 'offered', to: 'declined' })
  return getEntry(ctx, id)
}

/** Leaves the list, and gives up the time that is offered. Throws not_found and invalid_state. */
export async function leaveWaitlist(ctx: TransactionContext, id: string): Promise<EntryRow> {
  const entry = await getEntry(ctx, id)
  if (entry.status === 'waiting') {
    assertTransition(currentStatus(entry, ctx.now), 'withdrawn')
    if (await changeStatus(ctx.db, id, { from: 'waiting', to: 'withdrawn' })) return entry
  }
  // It was offered a time already, or is being offered one at this moment.
  const { offerId } = await getOffer(ctx, id, 'withdrawn')
  await cancelAppointment(ctx, offerId, {}, null)
  await changeStatus(ctx.db, id, { from: 'offered', to: 'withdrawn' })
  return entry
}

async function getOffer(ctx: TransactionContext, id: string, to: 'accepted' | 'declined' | 'withdrawn') {
  const entry = await getEntry(ctx, id)
  assertTransition(currentStatus(entry, ctx.now), to)
  // No other entries than those with an offer can become any of these.
  return { entry, offerId: entry.offerId! }
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
    doctor: row.doctorId ? { id: row.doctorId, name: row.doctorName! } : null,
    specialization: row.specialization,
    clinic: row.clinicId ? { id: row.clinicId, name: row.clinicName! } : null,
    from: row.startsOn,
    to: row.endsOn,
    offer: presentOffer(row, status === 'offered'),
    createdAt: formatInstant(row.createdAt),
  }
}

/** What is joined by a foreign key is there, hence the assertions. */
function presentOffer(row: EntryRow, open: boolean): WaitlistEntry['offer'] {
  if (!row.offerId) return null
  return {
    appointmentId: row.offerId,
    doctor: { id: row.offerDoctorId!, name: row.offerDoctorName! },
    clinic: { id: row.offerClinicId!, name: row.offerClinicName!, timeZone: row.offerTimeZone! },
    startsAt: formatInstant(row.offerStartsAt!),
    endsAt: formatInstant(row.offerEndsAt!),
    localStart: localStart(row.offerStartsAt!.getTime(), row.offerTimeZone!),
    expiresAt: open ? formatInstant(row.offerExpiresAt!) : null,
  }
}
