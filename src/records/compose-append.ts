import type { Document, Filter } from 'mongodb'
import { type AppendOnly, appendClinicalEntry, type ListEntry } from '../database/clinical-writes/append'
import type { PatientDocument } from '../database/clinical-writes/insert'
import type { TransactionContext } from '../deps'
import { AppError, notFound, requireRule } from '../errors'
import type { ClinicalWrite, FixedWrite } from '../http/operations/clinical-mutation'
import {
  AMENDMENTS,
  type Amendment,
  EVENTS,
  type MedicalRecordDocument,
  type PrescriptionDocument,
  type PrescriptionEvent,
} from './collections'
import { isWithinLimits, withinLimitsFilter } from './document-limits'
import { canStop, renewable } from './prescription-status'
import { findDoctorName } from './queries'
import type { AmendRecord, RenewPrescription, StopPrescription } from './schemas'

export type Append<D extends PatientDocument> = Omit<ClinicalWrite<never, D>, 'present'>

/** The caller must be the author (see `getOwnRecord`). Throws invalid_state when the record is full. */
export async function composeAmendment(
  ctx: TransactionContext,
  record: MedicalRecordDocument,
  { reason, data }: AmendRecord,
  fixed: FixedWrite,
): Promise<Append<MedicalRecordDocument>> {
  const author = await getAuthor(ctx)
  const amendment: Amendment = { id: fixed.id, reason, data, author, createdAt: fixed.createdAt }
  return { ...appendTo(AMENDMENTS, record, amendment, fixed), detail: { amendmentId: fixed.id } }
}

/** Throws invalid_state when the prescription is already stopped. */
export function composeStop(
  prescription: PrescriptionDocument,
  { reason = null, data }: StopPrescription,
  fixed: FixedWrite,
): Append<PrescriptionDocument> {
  const refusal = new AppError('invalid_state', 'This prescription is already stopped.')
  if (fixed.isFirstAttempt && !canStop(prescription)) throw refusal
  const event = { ...eventOf(fixed), kind: 'stopped' as const, reason, ...(data && { data }) }
  const isNotStopped = { $expr: { $ne: [{ $last: '$events.kind' }, 'stopped'] } }
  const append = appendTo(EVENTS, prescription, event satisfies PrescriptionEvent, fixed, isNotStopped)
  return { ...append, refusal, detail: { eventId: fixed.id } }
}

/** Throws validation_failed for a last day in the past or more than ten years ahead. */
export function composeRenewal(
  prescription: PrescriptionDocument,
  { reason = null, until, data }: RenewPrescription,
  fixed: FixedWrite,
): Append<PrescriptionDocument> {
  if (until) requireRule({ now: fixed.createdAt }, 'until', until, renewable)
  const event = { ...eventOf(fixed), kind: 'renewed' as const, reason, ...(until && { until }), ...(data && { data }) }
  return { ...appendTo(EVENTS, prescription, event satisfies PrescriptionEvent, fixed), detail: { eventId: fixed.id } }
}

const eventOf = ({ id, createdAt }: FixedWrite) => ({ id, at: createdAt })

/** Appends an entry under the fixed id, if the document is within its limits and matches `condition` at that moment. */
export function appendTo<D extends PatientDocument>(
  place: AppendOnly,
  document: D,
  entry: ListEntry,
  fixed: FixedWrite,
  condition: Filter<Document> = {},
): Append<D> {
  const { _id: id, patientId } = document
  const refusal = new AppError('invalid_state', `This document is full: no more ${place.list} can be added.`)
  if (fixed.isFirstAttempt && !isWithinLimits(document, place)) throw refusal
  return {
    patientId,
    targetId: id,
    write: (mongo) =>
      appendClinicalEntry<D>(mongo, place, { id, patientId }, entry, { $and: [withinLimitsFilter(place), condition] }),
    refusal,
  }
}

/** The calling doctor with their current name. */
export async function getAuthor({ db, actor }: TransactionContext): Promise<{ id: string; name: string }> {
  const { doctorId: id } = actor
  const name = id && (await findDoctorName(db, id))
  if (!name) throw notFound('doctor')
  return { id, name }
}
