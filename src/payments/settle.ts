import { settlePaidAppointment } from '../appointments/paid-holds/service'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { lockResources } from '../database/transaction'
import { enqueue } from '../jobs/queue'
import { type ActorTransaction, isSuperseded, orderRefund, recordCharge } from '../ledger/entries'
import { findPaymentForUpdate, type PaymentChanges, type StoredPayment, updatePayment } from '../ledger/payment-rows'
import type { ProviderPayment, RefundReason } from '../ledger/provider'
import { deriveStatus, mergeProviderState } from '../ledger/status'
import type { PaymentResolution } from '../ledger/tables'
import { findPartiesOfPayment, lockAppointmentOfPayment, reopenUnmatchedEvents } from './queries'

/** What the provider said of a payment, as of `at`. */
export type ProviderReport = Pick<ProviderPayment, 'ref' | 'status' | 'failureCode' | 'amount' | 'currency'> & {
  at: Date
}

export type LockedPayment = { payment: StoredPayment; patientId: string }

/**
 * Locks a payment by the protocol of bookings: doctor, patient and rooms, then the appointment's row, then its own. Undefined
 * when there is none.
 */
export async function lockPayment(ctx: ActorTransaction, id: string): Promise<LockedPayment | undefined> {
  const parties = await findPartiesOfPayment(ctx.db, id)
  if (!parties) return undefined
  const { doctorId, patientId, clinicId, roomId } = parties
  await lockResources(ctx.db, roomId ? [doctorId, patientId, clinicId] : [doctorId, patientId])
  const appointment = await lockAppointmentOfPayment(ctx.db, id)
  const payment = await findPaymentForUpdate(ctx.db, id)
  return appointment && payment && { payment, patientId: appointment.patientId }
}

/**
 * Takes over what the provider said, whatever came before: see `mergeProviderState`. Money that comes in for the first
 * time is put to use or sent back. Says whether it could be the same payment at all.
 */
export async function applyProviderStatus(
  ctx: ActorTransaction,
  { payment, patientId }: LockedPayment,
  seen: ProviderReport,
): Promise<boolean> {
  if (seen.amount !== payment.amount || seen.currency !== payment.currency) {
    ctx.log.error({ paymentId: payment.id }, 'a provider speaks of another amount than was asked of it')
    return false
  }
  const known = payment.providerStatus && {
    status: payment.providerStatus,
    at: payment.providerStatusAt ?? payment.createdAt,
  }
  const merged = mergeProviderState(known ?? undefined, seen)
  const providerRef = payment.providerRef ?? seen.ref
  const changes: PaymentChanges = { providerRef, providerStatus: merged.status, providerStatusAt: merged.at }
  if (merged === seen) changes.failureCode = merged.status === 'failed' ? seen.failureCode : null
  if (payment.providerRef === null) await requeueUnmatchedEvents(ctx, payment.provider, seen.ref)

  if (merged.status === 'succeeded' && payment.chargedAmount === 0)
    await receiveMoney(ctx, { payment, patientId }, { ...changes, createdBy: null, at: merged.at })
  else await updatePaymentStatus(ctx, { payment, patientId }, changes)
  return true
}

/** An event that came before its payment's ref was known can be understood now. */
export async function requeueUnmatchedEvents(ctx: ActorTransaction, provider: string, ref: string): Promise<void> {
  for (const eventId of await reopenUnmatchedEvents(ctx.db, provider, ref))
    await enqueue(ctx, 'payments.event', { eventId })
}

export async function updatePaymentStatus(
  ctx: ActorTransaction,
  { payment, patientId }: LockedPayment,
  changes: PaymentChanges,
): Promise<StoredPayment> {
  const status = deriveStatus({ ...payment, ...changes })
  const superseded = await isSuperseded(ctx, payment, status)
  const updated = await updatePayment(ctx.db, payment.id, { ...changes, status, superseded })
  if (status !== payment.status) await audit(ctx, payment.id, patientId, { status })
  return updated
}

/** Why money that came is given back at once. */
const REFUND_REASON: Partial<Record<PaymentResolution, RefundReason>> = {
  refunded_slot_lost: 'hold_ended',
  refunded_cancelled: 'other',
  refunded_duplicate: 'other',
}

/**
 * The payer's money is there: enters it, and confirms the hold that waited for it, books a lapsed one's time again, or gives
 * the money back where there is nothing left to pay for. Call it with the locks of `lockPayment`.
 */
export async function receiveMoney(
  ctx: ActorTransaction,
  { payment, patientId }: LockedPayment,
  charge: Parameters<typeof recordCharge>[2],
): Promise<StoredPayment> {
  const charged = await recordCharge(ctx, payment, charge)
  const resolution = charged.superseded ? 'refunded_duplicate' : await resolve(ctx, payment.appointmentId)
  const reason = resolution && REFUND_REASON[resolution]
  const settled = reason ? await orderRefund(ctx, charged, { amount: charged.amount, reason }) : charged
  if (resolution) await updatePayment(ctx.db, payment.id, { resolution })
  await audit(ctx, payment.id, patientId, { status: settled.status, ...(resolution && { resolution }) })
  return { ...settled, resolution }
}

async function resolve(ctx: ActorTransaction, appointmentId: string): Promise<PaymentResolution | null> {
  const outcome = await settlePaidAppointment(ctx, appointmentId)
  return {
    unchanged: null,
    confirmed: 'confirmed' as const,
    rebooked: 'rebooked' as const,
    slot_lost: 'refunded_slot_lost' as const,
    cancelled: 'refunded_cancelled' as const,
  }[outcome]
}

/** Audits a change that no request asked for; a request has an event of its own. */
async function audit(
  ctx: ActorTransaction,
  targetId: string,
  patientId: string,
  detail: Record<string, string>,
): Promise<void> {
  if (ctx.actor !== 'system') return
  const event = auditEvent(ctx, { kind: 'payment.settle', action: 'U' }, { targetId, patientIds: [patientId], detail })
  await appendAuditEvent(ctx.db, event)
}
