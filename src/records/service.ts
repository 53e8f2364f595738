import type { Collection } from 'mongodb'
import { canSeePatient } from '../access/patients'
import type { PatientDocument } from '../database/clinical-writes/insert'
import type { Context } from '../deps'
import { notFound } from '../errors'
import { cursorAfter, type Page, toPage } from '../http/pagination'
import { type MedicalRecordDocument, medicalRecords, type PrescriptionDocument, prescriptions } from './collections'
import { statusOn } from './prescription-status'
import { presentPrescription, presentRecord } from './present'
import { findDocument, findDocuments, hasWritten } from './queries'
import type { History, ListPrescriptionsQuery, ListRecordsQuery, MedicalRecord, Prescription } from './schemas'

const HISTORY_LENGTH = 20

/** The newest of everything; whether the caller may see the patient is decided before. */
export async function readHistory({ mongo, now }: Pick<Context, 'mongo' | 'now'>, patientId: string): Promise<History> {
  const [records, medicines] = await Promise.all([
    findDocuments(medicalRecords(mongo), { patientId }, HISTORY_LENGTH + 1).toArray(),
    findDocuments(prescriptions(mongo), { patientId }, HISTORY_LENGTH + 1).toArray(),
  ])
  const { data, nextCursor } = toPage(records, HISTORY_LENGTH, positionOf, presentRecord)
  const prescribed = toPage(medicines, HISTORY_LENGTH, positionOf, (document) => presentPrescription(document, now))
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
  isWanted?: (document: D) => boolean,
): Promise<Page<T>> {
  const after = cursorAfter(cursor, 'createdAt')
  const visible = await canSeePatient(ctx, patientId)
  const { doctorId } = ctx.actor
  if (!visible && (doctorId === undefined || filter.doctorId !== doctorId)) throw notFound('patient')
  const wanted = { patientId, ...filter }
  const documents = isWanted
    ? await firstOf(findDocuments(collection, wanted, 0, after), limit + 1, isWanted)
    : await findDocuments(collection, wanted, limit + 1, after).toArray()
  // Authors always find their own notes; one who never wrote any must not learn that the patient exists.
  if (!visible && documents.length === 0 && !(await hasWritten(collection, { patientId, doctorId: doctorId! })))
    throw notFound('patient')
  return toPage(documents, limit, positionOf, present)
}

/** What cannot be asked of MongoDB is looked for among the patient's own documents, of which nobody has very many. */
async function firstOf<D>(
  documents: AsyncIterable<D>,
  count: number,
  isWanted: (document: D) => boolean,
): Promise<D[]> {
  const found: D[] = []
  for await (const document of documents) {
    if (isWanted(document)) found.push(document)
    if (found.length === count) break
  }
  return found
}

const positionOf = ({ createdAt, _id }: PatientDocument) => [createdAt.toISOString(), _id]

/** Throws not_found for one the caller may not read; its author always may. */
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

/** Undefined for one that the caller may not read. */
export async function findVisible<D extends Authored>(
  ctx: Context,
  collection: Collection<D>,
  id: string,
): Promise<D | undefined> {
  const document = await findDocument(collection, id)
  return document && (await canRead(ctx, document)) ? document : undefined
}

/** What authors wrote they read always, related to the patient or not. */
export const canRead = async (
  ctx: Pick<Context, 'actor' | 'config' | 'db' | 'now'>,
  { patientId, doctorId }: Authored,
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
