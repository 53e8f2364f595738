import { lockAppointmentParties } from '../appointments/lock'
import { settlePaidAppointment } from '../appointments/paid-holds/service'
import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { enqueue } from '../jobs/queue'
import { type ActorTransaction, isSuperseded, orderRefund, recordCharge } from '../ledger/entries'
import { findPaymentForUpdate, type PaymentChanges, type StoredPayment, updatePayment } from '../ledger/payment-rows'
import type { ProviderPayment, RefundReason } from '../ledger/provider'
import { deriveStatus, mergeProviderState } from '../ledger/status'
import type { PaymentResolution } from '../ledger/tables'
import { findPartiesOfPayment, lockAppointmentOfPayment, reopenUnmatchedEvents } from './queries'

/** A payment's state at the provider at the time `at`. */
export type ProviderReport = Pick<ProviderPayment, 'ref' | 'status' | 'failureCode' | 'amount' | 'currency'> & {
  at: Date
}

export type LockedPayment = { payment: StoredPayment; patientId: string }

/**
 * Locks a payment in the order that bookings use: doctor, patient and rooms, then the appointment's row, then the
 * payment's. Undefined when there is no such payment.
 */
export async function lockPayment(ctx: ActorTransaction, id: string): Promise<LockedPayment | undefined> {
  const parties = await findPartiesOfPayment(ctx.db, id)
  if (!parties) return undefined
  await lockAppointmentParties(ctx.db, parties)
  const appointment = await lockAppointmentOfPayment(ctx.db, id)
  const payment = await findPaymentForUpdate(ctx.db, id)
  return appointment && payment && { payment, patientId: appointment.patientId }
}

/**
 * Merges a provider's report into the payment (see `mergeProviderState`); newly received money is used or refunded.
 * Returns false for a report about another amount or currency, which changes nothing.
 */
export async function applyProviderStatus(
  ctx: ActorTransaction,
  { payment, patientId }: LockedPayment,
  report: ProviderReport,
): Promise<boolean> {
  if (report.amount !== payment.amount || report.currency !== payment.currency) {
    ctx.log.error({ paymentId: payment.id }, 'a provider reported another amount than the payment has')
    return false
  }
  const known = payment.providerStatus && {
    status: payment.providerStatus,
    at: payment.providerStatusAt ?? payment.createdAt,
  }
  const merged = mergeProviderState(known ?? undefined, report)
  const providerRef = payment.providerRef ?? report.ref
  const changes: PaymentChanges = { providerRef, providerStatus: merged.status, providerStatusAt: merged.at }
  if (merged === report) changes.failureCode = merged.status === 'failed' ? report.failureCode : null
  if (payment.providerRef === null) await requeueUnmatchedEvents(ctx, payment.provider, report.ref)

  if (merged.status === 'succeeded' && payment.chargedAmount === 0)
    await receiveMoney(ctx, { payment, patientId }, { ...changes, createdBy: null, at: merged.at })
  else await updatePaymentStatus(ctx, { payment, patientId }, changes)
  return true
}

/** Enqueues again the events that arrived before their payment's ref was known. */
export async function requeueUnmatchedEvents(ctx: ActorTransaction, provider: string, ref: string): Promise<void> {
  for (const eventId of await reopenUnmatchedEvents(ctx.db, provider, ref))
    await enqueue(ctx, 'payments.event', { eventId })
}

/** Stores changes and the status derived from them; audits a new status. Call it with the locks of `lockPayment`. */
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

/** Reason of the automatic refund, for the resolutions that refund the money. */
const REFUND_REASON: Partial<Record<PaymentResolution, RefundReason>> = {
  refunded_slot_lost: 'hold_ended',
  refunded_cancelled: 'other',
  refunded_duplicate: 'other',
}

/**
 * Records the charge, then confirms the hold that waited for it, rebooks an expired hold, or refunds the money if the
 * appointment needs no payment any more. Call it with the locks of `lockPayment`.
 */
export async function receiveMoney(
  ctx: ActorTransaction,
  { payment, patientId }: LockedPayment,
  charge: Parameters<typeof recordCharge>[2],
): Promise<StoredPayment> {
  const charged = await recordCharge(ctx, payment, charge)
  const resolution = charged.superseded ? 'refunded_duplicate' : await settleAppointment(ctx, payment.appointmentId)
  const reason = resolution && REFUND_REASON[resolution]
  const settled = reason ? await orderRefund(ctx, charged, { amount: charged.amount, reason }) : charged
  if (resolution) await updatePayment(ctx.db, payment.id, { resolution })
  await audit(ctx, payment.id, patientId, { status: settled.status, ...(resolution && { resolution }) })
  return { ...settled, resolution }
}

async function settleAppointment(ctx: ActorTransaction, appointmentId: string): Promise<PaymentResolution | null> {
  const outcome = await settlePaidAppointment(ctx, appointmentId)
  return {
    unchanged: null,
    confirmed: 'confirmed' as const,
    rebooked: 'rebooked' as const,
    slot_lost: 'refunded_slot_lost' as const,
    cancelled: 'refunded_cancelled' as const,
  }[outcome]
}

/** Only for changes by the system: a request has its own audit event. */
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
