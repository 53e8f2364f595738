import type { Collection } from 'mongodb'
import { canSeePatient } from '../access/patients'
import type { PatientDocument } from '../database/clinical-writes/insert'
import type { Context } from '../deps'
import { notFound } from '../errors'
import { cursorAfter, type Page, toPage } from '../http/pagination'
import { type MedicalRecordDocument, medicalRecords, type PrescriptionDocument, prescriptions } from './collections'
import { takePage } from './page-size'
import { statusOn } from './prescription-status'
import { presentPrescription, presentRecord } from './present'
import { findDocument, findDocuments, hasWritten } from './queries'
import type { History, ListPrescriptionsQuery, ListRecordsQuery, MedicalRecord, Prescription } from './schemas'

const HISTORY_LENGTH = 20

/** The newest records and prescriptions. The caller of this function must have checked access to the patient. */
export async function readHistory({ mongo, now }: Pick<Context, 'mongo' | 'now'>, patientId: string): Promise<History> {
  const [records, medicines] = await Promise.all([
    takePage(findDocuments(medicalRecords(mongo), { patientId }, HISTORY_LENGTH + 1), HISTORY_LENGTH),
    takePage(findDocuments(prescriptions(mongo), { patientId }, HISTORY_LENGTH + 1), HISTORY_LENGTH),
  ])
  const { data, nextCursor } = toPage(records.found, records.limit, positionOf, presentRecord)
  const prescribed = toPage(medicines.found, medicines.limit, positionOf, (document) =>
    presentPrescription(document, now),
  )
  return {
    records: data,
    recordsNextCursor: nextCursor,
    prescriptions: prescribed.data,
    prescriptionsNextCursor: prescribed.nextCursor,
  }
}

/** Throws not_found for a patient the caller may not see, unless doctors filter by themselves and wrote something. */
export function listRecords(ctx: Context, patientId: string, query: ListRecordsQuery): Promise<Page<MedicalRecord>> {
  return listVisible(ctx, medicalRecords(ctx.mongo), patientId, query, presentRecord)
}

/** See `listRecords`. */
export function listPrescriptions(
  ctx: Context,
  patientId: string,
  { activeOn, ...query }: ListPrescriptionsQuery,
): Promise<Page<Prescription>> {
  const present = (document: PrescriptionDocument) => presentPrescription(document, ctx.now)
  const isActive = (document: PrescriptionDocument) => statusOn(document, activeOn!)?.status === 'active'
  return listVisible(ctx, prescriptions(ctx.mongo), patientId, query, present, activeOn ? isActive : undefined)
}

async function listVisible<D extends PatientDocument, T>(
  ctx: Context,
  collection: Collection<D>,
  patientId: string,
  { limit, cursor, ...filter }: ListRecordsQuery,
  present: (document: D) => T,
  matches?: (document: D) => boolean,
): Promise<Page<T>> {
  const after = cursorAfter(cursor, 'createdAt')
  const visible = await canSeePatient(ctx, patientId)
  const { doctorId } = ctx.actor
  if (!visible && (doctorId === undefined || filter.doctorId !== doctorId)) throw notFound('patient')
  const search = { patientId, ...filter }
  // What MongoDB cannot filter by is filtered in memory; one patient has few documents.
  const { found, limit: fitting } = await takePage(
    findDocuments(collection, search, matches ? 0 : limit + 1, after),
    limit,
    matches,
  )
  // Authors always find their own documents; other doctors must not learn that the patient exists.
  if (!visible && found.length === 0 && !(await hasWritten(collection, { patientId, doctorId: doctorId! })))
    throw notFound('patient')
  return toPage(found, fitting, positionOf, present)
}

const positionOf = ({ createdAt, _id }: PatientDocument) => [createdAt.toISOString(), _id]

/** Throws not_found for a record the caller may not read; its author always may. */
export async function getRecord(ctx: Context, id: string): Promise<MedicalRecord> {
  return presentRecord(await getVisible(ctx, medicalRecords(ctx.mongo), id, 'record'))
}

/** See `getRecord`. */
export async function getPrescription(ctx: Context, id: string): Promise<Prescription> {
  return presentPrescription(await getVisible(ctx, prescriptions(ctx.mongo), id, 'prescription'), ctx.now)
}

type Authored = PatientDocument & { doctorId: string }

async function getVisible<D extends Authored>(ctx: Context, collection: Collection<D>, id: string, what: string) {
  const document = await findVisible(ctx, collection, id)
  if (!document) throw notFound(what)
  return document
}

/** Undefined when the caller may not read the document. */
export async function findVisible<D extends Authored>(
  ctx: Context,
  collection: Collection<D>,
  id: string,
): Promise<D | undefined> {
  const document = await findDocument(collection, id)
  return document && (await canRead(ctx, document)) ? document : undefined
}

/** Authors may always read what they wrote; all others need access to the patient. */
export const canRead = async (
  ctx: Pick<Context, 'actor' | 'config' | 'db' | 'now'>,
  { patientId, doctorId }: Pick<Authored, 'patientId' | 'doctorId'>,
) => doctorId === ctx.actor.doctorId || (await canSeePatient(ctx, patientId))

/** A record that the caller wrote; throws not_found for any other. */
export const getOwnRecord = (ctx: Context, id: string): Promise<MedicalRecordDocument> =>
  getOwn(ctx, medicalRecords(ctx.mongo), id, 'record')

/** See `getOwnRecord`. */
export const getOwnPrescription = (ctx: Context, id: string): Promise<PrescriptionDocument> =>
  getOwn(ctx, prescriptions(ctx.mongo), id, 'prescription')

async function getOwn<D extends Authored>(ctx: Context, collection: Collection<D>, id: string, what: string) {
  const document = await findDocument(collection, id)
  if (!document || document.doctorId !== ctx.actor.doctorId) throw notFound(what)
  return document
}
