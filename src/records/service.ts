import type { Collection } from 'mongodb'
import type { PatientDocument } from '../database/fenced-insert'
import type { Context } from '../deps'
import { notFound } from '../errors'
import { cursorId, cursorInstant, decodeCursor, type Page, toPage } from '../http/pagination'
import { canSeePatient } from '../patients/access'
import type { History } from '../patients/schemas'
import { medicalRecords, prescriptions } from './collections'
import { presentPrescription, presentRecord } from './present'
import { findDocument, findDocuments, hasWritten } from './queries'
import type { ListPrescriptionsQuery, ListRecordsQuery, MedicalRecord, Prescription } from './schemas'

const HISTORY_LENGTH = 20

/** The newest of everything; whether the caller may see the patient is decided before. */
export async function readHistory({ mongo }: Pick<Context, 'mongo'>, patientId: string): Promise<History> {
  const [records, medicines] = await Promise.all([
    findDocuments(medicalRecords(mongo), { patientId }, HISTORY_LENGTH + 1).toArray(),
    findDocuments(prescriptions(mongo), { patientId }, HISTORY_LENGTH + 1).toArray(),
  ])
  const { data, nextCursor } = toPage(records, HISTORY_LENGTH, positionOf, presentRecord)
  const prescribed = toPage(medicines, HISTORY_LENGTH, positionOf, presentPrescription)
  return {
    records: data,
    recordsNextCursor: nextCursor,
    prescriptions: prescribed.data,
    prescriptionsNextCursor: prescribed.nextCursor,
  }
}

/** Throws not_found for a patient the caller may not see, unless they ask for what they wrote themselves. */
export function listRecords(ctx: Context, patientId: string, query: ListRecordsQuery): Promise<Page<MedicalRecord>> {
  return listVisible(ctx, medicalRecords(ctx.mongo), patientId, query, presentRecord)
}

/** See `listRecords`. */
export function listPrescriptions(
  ctx: Context,
  patientId: string,
  query: ListPrescriptionsQuery,
): Promise<Page<Prescription>> {
  return listVisible(ctx, prescriptions(ctx.mongo), patientId, query, presentPrescription)
}

async function listVisible<D extends PatientDocument, T>(
  ctx: Context,
  collection: Collection<D>,
  patientId: string,
  { limit, cursor, ...filter }: ListRecordsQuery,
  present: (document: D) => T,
): Promise<Page<T>> {
  const [createdAt, id] = decodeCursor(cursor, cursorInstant, cursorId) ?? []
  const after = createdAt && id ? { createdAt: new Date(createdAt), id } : undefined
  const visible = await canSeePatient(ctx, patientId)
  const { doctorId } = ctx.actor
  if (!visible && (doctorId === undefined || filter.doctorId !== doctorId)) throw notFound('patient')
  const documents = await findDocuments(collection, { patientId, ...filter }, limit + 1, after).toArray()
  // Authors always find their own notes; one who never wrote any must not learn that the patient exists.
  if (!visible && documents.length === 0 && !(await hasWritten(collection, { patientId, doctorId: doctorId! })))
    throw notFound('patient')
  return toPage(documents, limit, positionOf, present)
}

const positionOf = ({ createdAt, _id }: PatientDocument) => [createdAt.toISOString(), _id]

/** Throws not_found for one the caller may not read; its author always may. */
export async function getRecord(ctx: Context, id: string): Promise<MedicalRecord> {
  return presentRecord(await getVisible(ctx, medicalRecords(ctx.mongo), id, 'record'))
}

/** See `getRecord`. */
export async function getPrescription(ctx: Context, id: string): Promise<Prescription> {
  return presentPrescription(await getVisible(ctx, prescriptions(ctx.mongo), id, 'prescription'))
}

async function getVisible<D extends PatientDocument & { doctorId: string }>(
  ctx: Context,
  collection: Collection<D>,
  id: string,
  what: string,
): Promise<D> {
  const document = await findDocument(collection, id)
  if (!document) throw notFound(what)
  if (document.doctorId !== ctx.actor.doctorId && !(await canSeePatient(ctx, document.patientId))) throw notFound(what)
  return document
}
